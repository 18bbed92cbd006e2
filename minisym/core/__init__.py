"""What a graph is made of: nodes, symbols, and the declarations of ops."""
