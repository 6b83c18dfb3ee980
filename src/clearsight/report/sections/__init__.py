"""The report's sections that need more than a template: galleries, heat maps and the matrix."""
