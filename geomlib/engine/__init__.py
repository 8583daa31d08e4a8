"""The machine behind `train`: the network as matrix products, a step that is recorded, many networks side by side."""
