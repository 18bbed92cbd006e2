"""Rewrites that make a graph cheaper and compute the same bits: one small module for each idea."""
