"""The people of the simulator: a body, a way of walking, and where the sensor sits on them.

Each draws from streams of its own (`rng(seed, "simulated", subject, purpose)`), so that a subject stays the same
person when others are added or another purpose draws more numbers. Equations: docs/simulator.md.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sensegen.seeding import rng

GRAVITY = 9.80665  # m/s²
HEEL_STIFFNESS = 2.2e5  # N/m, of the body against the ground at heel strike


@dataclass(frozen=True)
class Body:
    """Leg length in m, mass in kg, posture in rad, heart rates in bpm, breaths in Hz."""

    leg_m: float
    mass_kg: float
    standing_pitch: float
    sitting_pitch: float
    lying_pitch: float
    resting_bpm: float
    effort_bpm: float
    breath_hz: float

    @property
    def stride_hz(self) -> float:
        """Preferred stride frequency of the force-driven pendulum, f = sqrt(2 g / l) / 2π with l = 2/3 of the leg."""
        return float(np.sqrt(2 * GRAVITY / (2 / 3 * self.leg_m)) / (2 * np.pi))

    @property
    def impact_rad_s(self) -> float:
        """Angular frequency of the heel strike's transient, sqrt(k / m)."""
        return float(np.sqrt(HEEL_STIFFNESS / self.mass_kg))


@dataclass(frozen=True)
class Style:
    """How a person walks: amplitudes relative to the average person's, phases in rad.

    `vertical`, `forward` and `sideways` hold (harmonic, 2): relative amplitude and phase of each harmonic of the
    step (of the stride, for `sideways`); `rotation` holds (axis, 2): amplitude in rad and phase for roll, pitch, yaw.
    """

    tempo: float
    speed: float
    damping: float
    asymmetry: float
    vertical: Float[np.ndarray, "harmonic 2"]
    forward: Float[np.ndarray, "harmonic 2"]
    sideways: Float[np.ndarray, "harmonic 2"]
    rotation: Float[np.ndarray, "axis 2"]


@dataclass(frozen=True)
class Mount:
    """A sensor on the belt: rotation vector from sensor to pelvis, lever arm in m, and the sensor's errors.

    Biases and noises are in g for the accelerometer and rad/s for the gyroscope; scales are factors.
    """

    rotation: Float[np.ndarray, "3"]
    lever_m: Float[np.ndarray, "3"]
    acceleration_bias: Float[np.ndarray, "3"]
    acceleration_scale: Float[np.ndarray, "3"]
    acceleration_noise: float
    gyroscope_bias: Float[np.ndarray, "3"]
    gyroscope_scale: Float[np.ndarray, "3"]
    gyroscope_noise: float


@dataclass(frozen=True)
class Person:
    """One subject."""

    name: str
    body: Body
    style: Style
    mount: Mount


def person(seed: int, name: str) -> Person:
    """The subject of that name: the same for the same seed."""
    return Person(
        name=name,
        body=_body(rng(seed, "simulated", name, "body")),
        style=_style(rng(seed, "simulated", name, "style")),
        mount=_mount(rng(seed, "simulated", name, "mount")),
    )


def _body(draw: np.random.Generator) -> Body:
    leg_m = float(np.clip(draw.normal(0.90, 0.06), 0.75, 1.05))
    # Taller people are heavier: body mass index around 24, height about leg / 0.53.
    mass_kg = float(np.clip(draw.normal(24, 3), 18, 34) * (leg_m / 0.53) ** 2)
    standing, sitting = np.deg2rad(draw.normal(1.0, 2.0)), np.deg2rad(draw.normal(-18.0, 2.5))
    return Body(
        leg_m=leg_m,
        mass_kg=mass_kg,
        standing_pitch=float(standing),
        sitting_pitch=float(sitting),
        lying_pitch=float(np.deg2rad(draw.normal(-86.0, 5.0))),
        resting_bpm=float(draw.uniform(58, 78)),
        effort_bpm=float(draw.uniform(35, 65)),
        breath_hz=float(draw.uniform(0.18, 0.32)),
    )


def _style(draw: np.random.Generator) -> Style:
    return Style(
        tempo=float(draw.normal(1.0, 0.025)),
        speed=float(np.clip(draw.normal(1.0, 0.06), 0.8, 1.2)),
        damping=float(draw.uniform(0.25, 0.35)),
        asymmetry=float(abs(draw.normal(0.0, 0.08))),
        vertical=_harmonics(draw, (1.0, 0.35, 0.15)),
        forward=_harmonics(draw, (1.0, 0.4, 0.2)),
        sideways=_harmonics(draw, (1.0, 0.5, 0.35)),
        rotation=_harmonics(draw, tuple(np.deg2rad((3.0, 1.5, 4.5)))),
    )


def _harmonics(draw: np.random.Generator, means: tuple[float, ...]) -> Float[np.ndarray, "harmonic 2"]:
    amplitudes = np.array(means) * np.exp(draw.normal(0.0, 0.08, len(means)))
    # People share the sequence of a stride, so phases scatter around common ones instead of the whole circle.
    phases = 0.7 * np.arange(len(means)) + draw.normal(0.0, 0.2, len(means))
    return np.stack([amplitudes, phases], axis=1)


def _mount(draw: np.random.Generator) -> Mount:
    tilt = np.deg2rad(draw.normal(0.0, (3.0, 2.0, 6.0)))
    return Mount(
        rotation=tilt,
        lever_m=np.array([0.11, 0.0, 0.02]) + draw.normal(0.0, (0.02, 0.03, 0.02)),
        acceleration_bias=draw.normal(0.0, 0.01, 3),
        acceleration_scale=draw.normal(1.0, 0.005, 3),
        acceleration_noise=float(draw.uniform(0.003, 0.006)),
        gyroscope_bias=draw.normal(0.0, 0.01, 3),
        gyroscope_scale=draw.normal(1.0, 0.005, 3),
        gyroscope_noise=float(draw.uniform(0.004, 0.010)),
    )
