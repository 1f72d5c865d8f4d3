"""What a training records, told to an experiment tracker as well: TensorBoard, Trackio, W&B, MLflow.

May import: ppo, rater_data, rater_data.store.
"""
