//! What a network's layers tell, layer by layer: of weights to the client, of data to the server.

use addax_sim::optical::{Setting, Variant, leak};

use super::lowering::{MatrixShape, PublicNetwork};

/// What one layer tells at most, by a variant's bounds, if both parties are honest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerLeak {
    /// Bits of a weight in one pass of its row.
    pub weight: f64,
    /// Bits of a weight in one image: as often as its row is sent.
    pub weight_an_image: f64,
    /// Bits of a datum in one position of the window.
    pub datum: f64,
    /// Bits of a datum in one image: in as many positions as it is under the window of.
    pub datum_an_image: f64,
}

impl LayerLeak {
    /// Of one layer.
    #[must_use]
    pub fn of(shape: &MatrixShape, variant: Variant, setting: &Setting) -> Self {
        let weight = leak::weight_leak(variant, setting, shape.modes());
        let datum = leak::data_leak(variant, setting.gain(), shape.rows, shape.columns);
        Self {
            weight,
            weight_an_image: weight * shape.uses() as f64,
            datum,
            datum_an_image: datum * shape.patches() as f64,
        }
    }

    /// The largest of each over a network's layers.
    #[must_use]
    pub fn largest(network: &PublicNetwork, variant: Variant, setting: &Setting) -> Self {
        let nothing = Self {
            weight: 0.0,
            weight_an_image: 0.0,
            datum: 0.0,
            datum_an_image: 0.0,
        };
        let layers = network
            .matrices()
            .map(|shape| Self::of(shape, variant, setting));
        layers.fold(nothing, |most, layer| Self {
            weight: most.weight.max(layer.weight),
            weight_an_image: most.weight_an_image.max(layer.weight_an_image),
            datum: most.datum.max(layer.datum),
            datum_an_image: most.datum_an_image.max(layer.datum_an_image),
        })
    }
}
