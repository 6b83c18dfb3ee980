"""Files: atomic writes, folders written whole, the cache folder, gzip and downloads."""
