"""Files: atomic writes, folders written as a whole, the cache folder, gzip and downloads."""
