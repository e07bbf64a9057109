"""rnnet: a self-configuring, self-supervised, multimodal classifier of lesions on MRI."""
