"""Pretrained networks whose output is a feature vector."""

from clearsight.models.backbones.backbone import Backbone, ImageSize
from clearsight.models.backbones.load import build_backbone, load_backbone
from clearsight.models.backbones.table import BACKBONES, find_backbone

__all__ = ["BACKBONES", "Backbone", "ImageSize", "build_backbone", "find_backbone", "load_backbone"]
