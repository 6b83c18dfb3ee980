/* Work shared out over the threads that torch itself computes with. */
#ifndef CLEARSIGHT_PARALLEL_H
#define CLEARSIGHT_PARALLEL_H

#include <stddef.h>

/* Does the items of a share, from first up to, not including, last; shares count from 0. */
typedef void (*Work)(const void *job, ptrdiff_t first, ptrdiff_t last, int share);

/* Do the items in as many equal shares as there are threads. One thread does a share, so
   that each can have memory of its own; a share of no items is left out. */
void share_out(Work work, const void *job, ptrdiff_t num_items, int num_shares);

#endif
