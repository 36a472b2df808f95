"""Readers of the real benchmarks; `layouts` says where their files lie."""
