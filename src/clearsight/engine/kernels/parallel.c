#include "parallel.h"

/* From the OpenMP library that torch has loaded: a second library would have its own threads, which
   would spin on the cores that torch's threads need. */
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned num_threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);

struct shared {
    Work work;
    const void *job;
    ptrdiff_t num_items;
    ptrdiff_t num_chunks;
};

static void body(void *data)
{
    const struct shared *shared = data;
    /* OpenMP may start fewer threads than requested; then each runs several chunks. */
    for (int chunk = omp_get_thread_num(); chunk < shared->num_chunks;
         chunk += omp_get_num_threads()) {
        ptrdiff_t first = shared->num_items * chunk / shared->num_chunks;
        ptrdiff_t last = shared->num_items * (chunk + 1) / shared->num_chunks;
        if (first < last)
            shared->work(shared->job, first, last, chunk);
    }
}

void parallel_for(Work work, const void *job, ptrdiff_t num_items, ptrdiff_t num_chunks)
{
    struct shared shared = {work, job, num_items, num_chunks};
    GOMP_parallel(body, &shared, (unsigned)num_chunks, 0);
}

/* Raised whenever the arguments of a function here change: see library.py. */
int kernels_version(void)
{
    return 3;
}
