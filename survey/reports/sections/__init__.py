"""The report's sections: each turns figures into words."""
