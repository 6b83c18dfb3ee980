/* Work divided among the threads that torch itself computes with. */
#ifndef CLEARSIGHT_PARALLEL_H
#define CLEARSIGHT_PARALLEL_H

#include <stddef.h>

/* Processes the items of a chunk, from `first` up to, not including, `last`; chunks count from 0. */
typedef void (*Work)(const void *job, ptrdiff_t first, ptrdiff_t last, int chunk);

/* Divide the items into `num_chunks` equal chunks. Each chunk is processed by one thread, so that it
   can have its own memory; a chunk without items is left out. */
void parallel_for(Work work, const void *job, ptrdiff_t num_items, ptrdiff_t num_chunks);

#endif
