"""The report's sections: each turns results into values for its template."""
