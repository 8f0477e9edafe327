"""What training costs, against Keras, PyTorch and the machine's limit. The results are docs/benchmarks.md."""
