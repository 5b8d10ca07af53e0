"""Reads the share of a GPU's memory bandwidth in use, which NVIDIA's driver tells of Hopper and later (NVML's "GPM").

GPM takes two samples and says what happened between them; the driver's documentation asks for at least 100 ms in between.
"""

import math
from typing import Any

from profiler import clock

_SHORTEST_NS = 100_000_000


class DramBandwidth:
    """Percent of the theoretical bandwidth of a GPU, or of a MIG instance of it, since the last reading that gave a value.

    Raises the module's NVMLError when the GPU, the driver or the instance does not offer it.
    """

    def __init__(self, nvml: Any, gpu: Any, instance: int | None = None) -> None:
        """Take the first sample.

        Args:
            nvml: the module, ready.
            gpu: handle of the whole GPU.
            instance: of the GPU when it is split (MIG), else None.
        """
        self._nvml, self._gpu, self._instance = nvml, gpu, instance
        self._samples: list[Any] = []
        if not nvml.nvmlGpmQueryDeviceSupport(gpu).isSupportedDevice:
            raise nvml.NVMLError(nvml.NVML_ERROR_NOT_SUPPORTED)
        try:
            self._samples += [nvml.nvmlGpmSampleAlloc(), nvml.nvmlGpmSampleAlloc()]
            self._take(self._samples[0])
        except nvml.NVMLError:
            self.close()
            raise
        self._taken_ns = clock.now_ns()

    def read(self) -> float:
        """NaN when the last sample is too fresh; raises NVMLError when the driver fails."""
        now_ns = clock.now_ns()
        if now_ns - self._taken_ns < _SHORTEST_NS:
            return math.nan
        older, newer = self._samples
        self._take(newer)
        request = self._nvml.c_nvmlGpmMetricsGet_t()
        request.version = self._nvml.NVML_GPM_METRICS_GET_VERSION
        request.numMetrics = 1
        request.sample1, request.sample2 = older, newer
        request.metrics[0].metricId = self._nvml.NVML_GPM_METRIC_DRAM_BW_UTIL
        self._samples, self._taken_ns = [newer, older], now_ns
        metric = self._nvml.nvmlGpmMetricsGet(request).metrics[0]
        if metric.nvmlReturn != self._nvml.NVML_SUCCESS:
            raise self._nvml.NVMLError(metric.nvmlReturn)
        return float(metric.value)

    def close(self) -> None:
        """Give the samples back."""
        for sample in self._samples:
            try:
                self._nvml.nvmlGpmSampleFree(sample)
            except self._nvml.NVMLError:  # the driver has gone
                break
        self._samples = []

    def _take(self, sample: Any) -> None:
        if self._instance is None:
            self._nvml.nvmlGpmSampleGet(self._gpu, sample)
        else:
            self._nvml.nvmlGpmMigSampleGet(self._gpu, self._instance, sample)
