//! The projective map between a flat phone and the camera's picture plane.

/// Maps `(x, y)` to `((ax + by + c) / (gx + hy + i), (dx + ey + f) / (gx + hy + i))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Homography(pub(crate) [[f32; 3]; 3]);

/// How a flat thing lies before the camera. Angles in radian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pose {
    /// Where its origin is seen, in frame pixels.
    pub(crate) at: (f32, f32),
    /// Frame pixels per unit of the plane, at the origin.
    pub(crate) scale: f32,
    /// Turn in the picture plane.
    pub(crate) roll: f32,
    /// Nod: upper edge towards the camera.
    pub(crate) pitch: f32,
    /// Shake: right edge towards the camera.
    pub(crate) yaw: f32,
    /// Focal length in frame pixels.
    pub(crate) focal: f32,
}

impl Pose {
    /// From the plane (units of the thing) to the frame (pixels).
    pub(crate) fn to_frame(self) -> Homography {
        let (sr, cr) = self.roll.sin_cos();
        let (sp, cp) = self.pitch.sin_cos();
        let (sy, cy) = self.yaw.sin_cos();
        // First two columns of Rz(roll) * Rx(pitch) * Ry(yaw): the plane has no third axis.
        let x_axis = [cr * cy - sr * sp * sy, sr * cy + cr * sp * sy, -cp * sy];
        let y_axis = [-sr * cp, cr * cp, sp];
        let (u, v) = self.at;
        let (f, s) = (self.focal, self.scale);
        let column = |axis: [f32; 3]| {
            let depth = s * axis[2];
            [
                f * s * axis[0] + u * depth,
                f * s * axis[1] + v * depth,
                depth,
            ]
        };
        let (a, b) = (column(x_axis), column(y_axis));
        Homography([[a[0], b[0], u * f], [a[1], b[1], v * f], [a[2], b[2], f]])
    }
}

impl Homography {
    /// Where `(x, y)` lands.
    pub(crate) fn map(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let row = |r: [f32; 3]| r[0] * x + r[1] * y + r[2];
        let [a, b, c] = self.0;
        let depth = row(c);
        (row(a) / depth, row(b) / depth)
    }

    /// The map back. A pose never makes a plane seen edge-on, so the determinant is not 0.
    pub(crate) fn inverse(&self) -> Self {
        let [[a, b, c], [d, e, f], [g, h, i]] = self.0.map(|row| row.map(f64::from));
        let (ca, cb, cc) = (e * i - f * h, f * g - d * i, d * h - e * g);
        let det = a * ca + b * cb + c * cc;
        let cofactors = [
            [ca, c * h - b * i, b * f - c * e],
            [cb, a * i - c * g, c * d - a * f],
            [cc, b * g - a * h, a * e - b * d],
        ];
        Self(cofactors.map(|row| row.map(|x| (x / det) as f32)))
    }

    /// This map, then scaling by `k` and moving by `(dx, dy)`.
    pub(crate) fn then_scale_move(self, k: f32, (dx, dy): (f32, f32)) -> Self {
        let [a, b, c] = self.0;
        let mix = |row: [f32; 3], d: f32| std::array::from_fn(|i| row[i] * k + c[i] * d);
        Self([mix(a, dx), mix(b, dy), c])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSE: Pose = Pose {
        at: (640.0, 360.0),
        scale: 6.0,
        roll: 0.3,
        pitch: 0.2,
        yaw: -0.25,
        focal: 1500.0,
    };

    fn near(a: (f32, f32), b: (f32, f32)) -> bool {
        (a.0 - b.0).abs() < 0.01 && (a.1 - b.1).abs() < 0.01
    }

    #[test]
    fn the_origin_stays_where_it_was_put() {
        assert!(near(POSE.to_frame().map((0.0, 0.0)), (640.0, 360.0)));
    }

    #[test]
    fn there_and_back_is_the_same_point() {
        let there = POSE.to_frame();
        let back = there.inverse();
        for point in [(0.0, 0.0), (-30.0, 20.0), (38.0, -70.0)] {
            let again = back.map(there.map(point));
            assert!(near(again, point), "{point:?} became {again:?}");
        }
    }

    #[test]
    fn without_angles_it_only_scales_and_moves() {
        let flat = Pose {
            roll: 0.0,
            pitch: 0.0,
            yaw: 0.0,
            ..POSE
        };
        assert!(near(flat.to_frame().map((10.0, -5.0)), (700.0, 330.0)));
        let moved = flat.to_frame().then_scale_move(2.0, (1.0, -1.0));
        assert!(near(moved.map((10.0, -5.0)), (1401.0, 659.0)));
    }

    #[test]
    fn the_nearer_edge_is_longer() {
        let yawed = Pose {
            roll: 0.0,
            pitch: 0.0,
            yaw: 0.3,
            ..POSE
        }
        .to_frame();
        let edge = |x: f32| yawed.map((x, 30.0)).1 - yawed.map((x, -30.0)).1;
        assert!(edge(30.0) > edge(-30.0) * 1.02);
    }
}
