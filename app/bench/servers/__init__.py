"""Real servers for benchmarks and tests, each on a free loopback port, ended by its process id."""
