"""Every TensorBoard tag name, and everything written under one."""
