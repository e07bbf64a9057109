"""One fit loop, small tasks: pretraining and fine-tuning."""
