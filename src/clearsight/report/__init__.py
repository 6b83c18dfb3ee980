"""Reports: charts, thumbnails and self-contained HTML pages."""
