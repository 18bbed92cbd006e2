"""The interactive page: one file that holds the graph, a recorded run, and all that shows them."""
