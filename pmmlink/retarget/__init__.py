"""From the model's curves to a character's: names, profile, delay and frame rate. numpy only."""

from pmmlink.retarget.frame_rate import FrameRateConverter
from pmmlink.retarget.mapping import Retargeter
from pmmlink.retarget.profile import LIMITS, CurveSetting, Profile, Smoothing
from pmmlink.retarget.profile_edit import ProfileEditor
from pmmlink.retarget.profile_file import load_profile, save_profile
from pmmlink.retarget.profile_watch import ProfileWatcher
from pmmlink.retarget.rig import Rig
from pmmlink.retarget.time_shift import TimeShift
from pmmlink.retarget.whole_take import retarget_take

__all__ = [
    "LIMITS",
    "CurveSetting",
    "FrameRateConverter",
    "Profile",
    "ProfileEditor",
    "ProfileWatcher",
    "Retargeter",
    "Rig",
    "Smoothing",
    "TimeShift",
    "load_profile",
    "retarget_take",
    "save_profile",
]
