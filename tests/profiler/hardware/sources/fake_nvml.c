/* Stands in for NVIDIA's libnvidia-ml.so.1 in test_nvml_source.py: the functions that the source calls, with NVML's binary interface.
 *
 * Two GPUs. GPU 0 tells everything; GPU 1 has no power meter and no energy counter. Environment:
 *   FAKE_NVML_INIT    status of nvmlInitWithFlags (0: works)
 *   FAKE_NVML_COUNT   number of GPUs (2)
 *   FAKE_NVML_FOLDER  folder of control files that are looked for at every call:
 *     lost-1          every call on GPU 1 answers "GPU is lost"
 *     power-0         GPU 0's power meter answers "unknown error"
 * Compiled with -DOLD_DRIVER it lacks the functions that drivers before 2023 lack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, GPU_IS_LOST = 15, UNKNOWN = 999 };

typedef struct { unsigned int index; } Gpu;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } MemoryV2;
typedef struct { unsigned int gpu, memory; } Utilization;
typedef struct { unsigned int version; int sensor; int temperature; } Temperature;

static Gpu gpus[2] = {{0}, {1}};

static int number(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

static int is_set(const char *control, unsigned int index)
{
    char path[4096];
    const char *folder = getenv("FAKE_NVML_FOLDER");
    if (!folder)
        return 0;
    snprintf(path, sizeof path, "%s/%s-%u", folder, control, index);
    return access(path, F_OK) == 0;
}

static int status(const Gpu *gpu) { return is_set("lost", gpu->index) ? GPU_IS_LOST : SUCCESS; }

static int metered(const Gpu *gpu)
{
    if (status(gpu) != SUCCESS)
        return status(gpu);
    if (gpu->index == 1)
        return NOT_SUPPORTED;
    return is_set("power", gpu->index) ? UNKNOWN : SUCCESS;
}

int nvmlInitWithFlags(unsigned int flags) { (void)flags; return number("FAKE_NVML_INIT", SUCCESS); }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { (void)code; return "an error of the fake library"; }

int nvmlSystemGetDriverVersion(char *text, unsigned int length) { snprintf(text, length, "570.86.15"); return SUCCESS; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = (unsigned int)number("FAKE_NVML_COUNT", 2); return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, Gpu **gpu)
{
    *gpu = &gpus[index];
    return status(*gpu);
}

int nvmlDeviceGetName(Gpu *gpu, char *text, unsigned int length)
{
    snprintf(text, length, gpu->index == 0 ? "NVIDIA GeForce RTX 4090" : "NVIDIA T4");
    return status(gpu);
}

int nvmlDeviceGetMemoryInfo(Gpu *gpu, Memory *memory)
{
    memory->total = 24000000000ULL;
    memory->used = 5400000000ULL + gpu->index;
    memory->free = memory->total - memory->used;
    return status(gpu);
}

int nvmlDeviceGetUtilizationRates(Gpu *gpu, Utilization *rates)
{
    rates->gpu = 97 - gpu->index;
    rates->memory = 41;
    return status(gpu);
}

int nvmlDeviceGetPowerUsage(Gpu *gpu, unsigned int *milliwatts) { *milliwatts = 285500; return metered(gpu); }

int nvmlDeviceGetTotalEnergyConsumption(Gpu *gpu, unsigned long long *millijoules)
{
    *millijoules = 9000000001500ULL;
    return metered(gpu) == NOT_SUPPORTED ? NOT_SUPPORTED : status(gpu);
}

int nvmlDeviceGetTemperature(Gpu *gpu, int sensor, unsigned int *celsius) { (void)sensor; *celsius = 71; return status(gpu); }

/* 1 is the clock of the multiprocessors (SM); other clocks run at other rates. */
int nvmlDeviceGetClockInfo(Gpu *gpu, int type, unsigned int *mhz) { *mhz = type == 1 ? 2520 : 10501; return status(gpu); }

int nvmlDeviceGetCurrentClocksThrottleReasons(Gpu *gpu, unsigned long long *reasons) { *reasons = 0x4; return status(gpu); }

#ifndef OLD_DRIVER
int nvmlDeviceGetMemoryInfo_v2(Gpu *gpu, MemoryV2 *memory)
{
    if (memory->version != 0x02000028)
        return UNKNOWN;
    memory->total = 24000000000ULL;
    memory->reserved = 400000000ULL;
    memory->used = 5000000000ULL + gpu->index;
    memory->free = memory->total - memory->reserved - memory->used;
    return status(gpu);
}

int nvmlDeviceGetTemperatureV(Gpu *gpu, Temperature *temperature)
{
    if (temperature->version != 0x0100000C || temperature->sensor != 0)
        return UNKNOWN;
    temperature->temperature = 72;
    return status(gpu);
}

int nvmlDeviceGetCurrentClocksEventReasons(Gpu *gpu, unsigned long long *reasons) { *reasons = 0x24; return status(gpu); }
#endif
