/* Work divided among the threads that torch itself computes with. */
#ifndef CLEARSIGHT_PARALLEL_H
#define CLEARSIGHT_PARALLEL_H

#include <stddef.h>

/* Does the items of a share, from first up to, not including, last; shares count from 0. */
typedef void (*Work)(const void *job, ptrdiff_t first, ptrdiff_t last, int share);

/* Divide the items into `num_shares` equal shares. Each share is done by one thread, so that it can
   have memory of its own; a share of no items is left out. */
void share_out(Work work, const void *job, ptrdiff_t num_items, int num_shares);

#endif
