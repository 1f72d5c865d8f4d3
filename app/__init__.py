"""What people touch: the rating screen, the operator console, the JSON routes, the server."""
