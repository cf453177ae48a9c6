"""Hot loops in numba over Arrow buffers, each beside a slow plain twin that tests compare it with."""
