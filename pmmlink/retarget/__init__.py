"""From the model's curves to a character's: names, profile and frame rate. numpy only."""

from pmmlink.retarget.frame_rate import FrameRateConverter
from pmmlink.retarget.mapping import Retargeter
from pmmlink.retarget.profile import CurveSetting, Profile, load_profile

__all__ = ["CurveSetting", "FrameRateConverter", "Profile", "Retargeter", "load_profile"]
