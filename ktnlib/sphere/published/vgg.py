"""The thirteen convolutions of VGG-16 as the published network runs them on a panorama of 320 rows."""

from dataclasses import dataclass

from .bands import BandShape, band_shapes
from .spacing import published_spacing


@dataclass(frozen=True)
class PublishedLayer:
    """One 3×3 convolution of the source network and how its row kernels are laid out.

    `camera_width` is that of the source's feature map where the layer reads it; the panorama is never pooled.
    """

    name: str
    in_channels: int
    out_channels: int
    camera_width: int
    ties: int = 5
    dilation: int = 1
    layout: str = "dilated"
    residual: bool = True

    def shapes(self, height: int, *, rule: str = "released") -> tuple[BandShape, ...]:
        """The windows of its bands on a panorama of this height; `rule` as for `published_spacing`."""
        return band_shapes(
            height,
            spacing=published_spacing(self.camera_width, rule=rule),
            ties=self.ties,
            dilation=self.dilation,
            layout=self.layout,
        )

    def head_options(self, *, rule: str = "released") -> dict[str, object]:
        """Keyword arguments of its `PublishedHead(in_channels, height, **options)`."""
        return {
            "spacing": published_spacing(self.camera_width, rule=rule),
            "ties": self.ties,
            "dilation": self.dilation,
            "layout": self.layout,
            "residual": self.residual,
        }


VGG16 = (
    # geometry alone, and never trained
    PublishedLayer("conv1_1", 3, 64, 640, ties=1, layout="full", residual=False),
    PublishedLayer("conv1_2", 64, 64, 640),
    PublishedLayer("conv2_1", 64, 128, 320),
    PublishedLayer("conv2_2", 128, 128, 320),
    PublishedLayer("conv3_1", 128, 256, 160),
    PublishedLayer("conv3_2", 256, 256, 160),
    PublishedLayer("conv3_3", 256, 256, 160),
    PublishedLayer("conv4_1", 256, 512, 80),
    PublishedLayer("conv4_2", 512, 512, 80),
    PublishedLayer("conv4_3", 512, 512, 80),
    PublishedLayer("conv5_1", 512, 512, 40, dilation=2),
    PublishedLayer("conv5_2", 512, 512, 40, dilation=2),
    PublishedLayer("conv5_3", 512, 512, 40, dilation=2),
)
