"""Rotation matrices for the independent answers that the checkers are held against."""

import math

import torch


def rotation(axis, angle):
    """Turn by `angle` about world axis 0, 1 or 2, right-handed."""
    matrix = torch.eye(3, dtype=torch.float64)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[i, i] = matrix[j, j] = math.cos(angle)
    matrix[j, i], matrix[i, j] = math.sin(angle), -math.sin(angle)
    return matrix
