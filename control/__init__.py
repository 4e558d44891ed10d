"""What people, and a plateau, ask of a running training job about its learning rate. Files in its model_dir."""
