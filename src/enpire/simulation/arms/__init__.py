"""Models of arms from primitive shapes, built in code: no mesh files. One file per arm."""
