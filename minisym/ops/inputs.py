"""What the inputs of ops in several families are, said once.

An input is described where it is declared, by its annotation, as a parameter is. Where ops share an
input and what it means, they share the annotation. What one family shares stands in its own module.
"""

from __future__ import annotations

from typing import Annotated

from minisym.core.ndarray import Array

# ---------------------------------------------------------------------------------- of any kind

Shaped = Annotated[Array, "An array of which only the shape counts."]
Like = Annotated[Array, "An array whose shape the output takes; its values do not count."]
Head = Annotated[Array, "Gradient of the output."]
Whole = Annotated[Array, "The array to cut."]
Joined = Annotated[Array, "The arrays to join; they may differ along dim only."]
Expanded = Annotated[Array, "The array to stretch; only axes of size 1 do."]

# ------------------------------------------------------------------------------------- of layers

Samples = Annotated[Array, "Data, (batch, channels, …)."]
LaidOut = Annotated[Array, "Data, (batch, channels, …), or in the order of layout."]
Images = Annotated[Array, "Images, (batch, channels, height, width)."]
Regions = Annotated[Array, "Regions, one a row: [image, left, top, right, bottom]."]
Sequences = Annotated[Array, "Sequences, (time, batch, …)."]
Lengths = Annotated[Array, "How long each sequence is, (batch,); without it, all are full."]
ChannelGamma = Annotated[Array, "Factor of each channel, (channels,)."]
ChannelBeta = Annotated[Array, "What is added to each channel, (channels,)."]
FilterWeight = Annotated[Array, "Filters, (num_filter, channels / num_group, kernel…)."]
FilterBias = Annotated[Array, "What is added to each output channel, (num_filter,)."]
Words = Annotated[Array, "Row numbers of words, an array of any shape."]
Table = Annotated[Array, "A vector for each word, (input_dim, output_dim)."]

# ----------------------------------------------------------------------------------- of matrices

Matrices = Annotated[Array, "A matrix, or several along the axes before its two."]
SquareMatrices = Annotated[Array, "A square matrix, or several along the axes before its two."]
