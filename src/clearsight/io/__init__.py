"""Files: atomic writes, the cache folder, gzip and downloads."""
