/* Work shared out over the threads that torch itself computes with. */
#ifndef CLEARSIGHT_PARALLEL_H
#define CLEARSIGHT_PARALLEL_H

#include <stddef.h>

/* Does the items from first up to, not including, last; `thread` counts from 0. */
typedef void (*Work)(const void *job, ptrdiff_t first, ptrdiff_t last, int thread);

/* Call `work` once in each of `num_threads` threads, each with an equal share of the items. */
void share_out(Work work, const void *job, ptrdiff_t num_items, int num_threads);

#endif
