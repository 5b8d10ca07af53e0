/* Stands in for NVIDIA's libnvidia-ml.so.1 in test_nvml_source.py: the functions that the source calls, with NVML's binary interface.
 *
 * GPU 0 is a whole card; GPU 1 has no power meter and no energy counter; GPU 2 is a Hopper, which tells its bandwidth (GPM) and can
 * be split (MIG); GPU 3 shares the processor's memory. Environment:
 *   FAKE_NVML_INIT    status of nvmlInitWithFlags (0: works)
 *   FAKE_NVML_COUNT   number of GPUs (2)
 *   FAKE_NVML_PROCESS process that uses 3.5 GB on GPU 0 by CUDA, 0.7 GB on GPU 1 by Vulkan, and the others' memory unseen
 *   FAKE_NVML_FOLDER  folder of control files that are looked for at every call:
 *     lost-1          every call on GPU 1 answers "GPU is lost"
 *     power-0         GPU 0's power meter answers "unknown error"
 *     gpm-2           GPU 2 answers "unknown error" to the question for its bandwidth
 *     mig-2           GPU 2 is split: of its seven places the second and fourth hold a part
 *   FAKE_NVML_ALIVE   set: power, clock, memory and load change with time, the energy counter with the power, and the processes listed
 *                     are the children of this one: as a window shows them
 * Compiled with -DOLD_DRIVER it lacks the functions that drivers before 2023 lack.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15, UNKNOWN = 999 };
enum { HOPPER = 2, UNIFIED = 3, FIRST_PART = 4 };

typedef struct { unsigned int index; } Gpu;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } MemoryV2;
typedef struct { unsigned int gpu, memory; } Utilization;
typedef struct { unsigned int version; int sensor; int temperature; } Temperature;
typedef struct { unsigned int pid; unsigned long long used; unsigned int gpu_instance, compute_instance; } Process;
typedef struct { unsigned int version, is_supported; } GpmSupport;
typedef struct { int number, instance; } GpmSample;
typedef struct { unsigned int id; int status; double value; const char *short_name, *long_name, *unit; } GpmMetric;
typedef struct { unsigned int version, count; GpmSample *first, *second; GpmMetric metrics[]; } GpmRequest;

static Gpu gpus[] = {{0}, {1}, {HOPPER}, {UNIFIED}, {FIRST_PART}, {FIRST_PART + 1}};
static const char *names[] = {
    "NVIDIA GeForce RTX 4090", "NVIDIA T4", "NVIDIA H100 PCIe", "NVIDIA GB10", "NVIDIA H100 PCIe MIG 1g.10gb", "NVIDIA H100 PCIe MIG 2g.20gb",
};

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

/* Seconds since the first question when FAKE_NVML_ALIVE is set, else 0. */
static double alive_s(void)
{
    static double first;
    struct timespec now;
    if (!getenv("FAKE_NVML_ALIVE"))
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds = now.tv_sec + now.tv_nsec / 1e9;
    if (first == 0)
        first = seconds;
    return seconds - first;
}

/* Back and forth between 0 and 1 in eight seconds; 0 when nothing is alive. */
static double swing(void)
{
    double phase = alive_s() / 8 - (long)(alive_s() / 8);
    return phase < 0.5 ? 2 * phase : 2 - 2 * phase;
}

static int status(const Gpu *gpu) { return is_set("lost", gpu->index) ? GPU_IS_LOST : SUCCESS; }

static int is_split(const Gpu *gpu) { return gpu->index == HOPPER && is_set("mig", HOPPER); }

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
    snprintf(text, length, "%s", names[gpu->index]);
    return status(gpu);
}

/* A chip with its processor has no VBIOS of its own. */
int nvmlDeviceGetVbiosVersion(Gpu *gpu, char *text, unsigned int length)
{
    snprintf(text, length, "95.02.3C.40.%02u", gpu->index);
    return gpu->index == UNIFIED ? NOT_SUPPORTED : status(gpu);
}

int nvmlDeviceGetMemoryInfo(Gpu *gpu, Memory *memory)
{
    memory->total = 24000000000ULL;
    memory->used = 5400000000ULL + gpu->index;
    memory->free = memory->total - memory->used;
    return gpu->index == UNIFIED ? NOT_SUPPORTED : status(gpu);
}

int nvmlDeviceGetUtilizationRates(Gpu *gpu, Utilization *rates)
{
    rates->gpu = 97 - gpu->index - (unsigned int)(40 * swing());
    rates->memory = 41;
    return is_split(gpu) ? NOT_SUPPORTED : status(gpu);
}

int nvmlDeviceGetPowerUsage(Gpu *gpu, unsigned int *milliwatts) { *milliwatts = 285500 - (unsigned int)(90000 * swing()); return metered(gpu); }

int nvmlDeviceGetTotalEnergyConsumption(Gpu *gpu, unsigned long long *millijoules)
{
    *millijoules = 9000000001500ULL + (unsigned long long)(240500 * alive_s());  /* its mean power */
    return metered(gpu) == NOT_SUPPORTED ? NOT_SUPPORTED : status(gpu);
}

int nvmlDeviceGetTemperature(Gpu *gpu, int sensor, unsigned int *celsius) { (void)sensor; *celsius = 71; return status(gpu); }

/* 1 is the clock of the multiprocessors (SM); other clocks run at other rates. */
int nvmlDeviceGetClockInfo(Gpu *gpu, int type, unsigned int *mhz) { *mhz = type == 1 ? 2520 - (unsigned int)(300 * swing()) : 10501; return status(gpu); }

int nvmlDeviceGetCurrentClocksThrottleReasons(Gpu *gpu, unsigned long long *reasons) { *reasons = 0x4; return status(gpu); }

#ifndef OLD_DRIVER
int nvmlDeviceGetMemoryInfo_v2(Gpu *gpu, MemoryV2 *memory)
{
    if (memory->version != 0x02000028)
        return UNKNOWN;
    memory->total = 24000000000ULL;
    memory->reserved = 400000000ULL;
    memory->used = 5000000000ULL + gpu->index + (unsigned long long)(1e9 * swing());
    memory->free = memory->total - memory->reserved - memory->used;
    return gpu->index == UNIFIED ? NOT_SUPPORTED : status(gpu);
}

int nvmlDeviceGetTemperatureV(Gpu *gpu, Temperature *temperature)
{
    if (temperature->version != 0x0100000C || temperature->sensor != 0)
        return UNKNOWN;
    temperature->temperature = 72;
    return status(gpu);
}

int nvmlDeviceGetCurrentClocksEventReasons(Gpu *gpu, unsigned long long *reasons) { *reasons = getenv("FAKE_NVML_ALIVE") ? 0x4 : 0x24; return status(gpu); }

/* The first child of this process, 0 without one. */
static unsigned int child(void)
{
    DIR *every = opendir("/proc");
    struct dirent *entry;
    int found = 0, id, parent;
    char path[300];
    while (every && !found && (entry = readdir(every))) {
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = atoi(entry->d_name) ? fopen(path, "r") : NULL;
        if (file && fscanf(file, "%d (%*[^)]) %*c %d", &id, &parent) == 2 && parent == (int)getpid())
            found = id;
        if (file)
            fclose(file);
    }
    if (every)
        closedir(every);
    return (unsigned int)found;
}

static int listed(unsigned int *room, Process *processes, unsigned long long used)
{
    unsigned int needed = 2;
    if (!processes || *room < needed) {
        *room = needed;
        return INSUFFICIENT_SIZE;
    }
    *room = needed;
    processes[0] = (Process){1, ~0ULL, 0, 0};  /* another program, its memory not told */
    processes[1] = (Process){getenv("FAKE_NVML_ALIVE") ? child() : (unsigned int)number("FAKE_NVML_PROCESS", 2), used, 0, 0};
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Gpu *gpu, unsigned int *room, Process *processes)
{
    if (gpu->index == 0 && status(gpu) == SUCCESS)
        return listed(room, processes, 3500000000ULL);
    *room = 0;
    return status(gpu);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(Gpu *gpu, unsigned int *room, Process *processes)
{
    if (gpu->index == 1 && status(gpu) == SUCCESS)
        return listed(room, processes, 700000000ULL);
    *room = 0;
    return status(gpu);
}

int nvmlDeviceGetMigMode(Gpu *gpu, unsigned int *now, unsigned int *later)
{
    *now = *later = (unsigned int)is_split(gpu);
    return gpu->index == HOPPER ? SUCCESS : NOT_SUPPORTED;
}

int nvmlDeviceGetMaxMigDeviceCount(Gpu *gpu, unsigned int *count) { *count = 7; return status(gpu); }

int nvmlDeviceGetMigDeviceHandleByIndex(Gpu *gpu, unsigned int place, Gpu **part)
{
    *part = &gpus[FIRST_PART + (place == 3)];
    return is_split(gpu) && (place == 1 || place == 3) ? SUCCESS : NOT_FOUND;
}

int nvmlDeviceGetGpuInstanceId(Gpu *part, unsigned int *instance) { *instance = part->index + 5; return SUCCESS; }

int nvmlGpmQueryDeviceSupport(Gpu *gpu, GpmSupport *support)
{
    support->is_supported = gpu->index == HOPPER;
    return support->version == 1 ? status(gpu) : UNKNOWN;
}

int nvmlGpmSampleAlloc(GpmSample **sample) { *sample = calloc(1, sizeof **sample); return SUCCESS; }
int nvmlGpmSampleFree(GpmSample *sample) { free(sample); return SUCCESS; }

static int taken(GpmSample *sample, int instance)
{
    static int numbers[16];
    *sample = (GpmSample){++numbers[instance], instance};
    return SUCCESS;
}

int nvmlGpmSampleGet(Gpu *gpu, GpmSample *sample) { taken(sample, 0); return status(gpu); }
int nvmlGpmMigSampleGet(Gpu *gpu, unsigned int instance, GpmSample *sample) { taken(sample, (int)instance); return status(gpu); }

/* 60 % between two samples that follow one another, and as much more as the number of the part. */
int nvmlGpmMetricsGet(GpmRequest *request)
{
    GpmMetric *metric = &request->metrics[0];
    int follows = request->second->number == request->first->number + 1 && request->second->instance == request->first->instance;
    if (request->version != 1 || request->count != 1 || metric->id != 10 || !follows)
        return UNKNOWN;
    metric->value = 60.0 + request->first->instance;
    metric->status = is_set("gpm", HOPPER) ? UNKNOWN : SUCCESS;
    return SUCCESS;
}
#endif
