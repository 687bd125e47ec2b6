//! Answers as they are printed and compared.

use addax::net::accuracy::arg_max;
use addax::protocol::{Answer, Reveal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What the client learned of one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRow {
    /// Index of the largest logit.
    pub label: usize,
    /// All logits, if the server reveals them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub logits: Option<Vec<i64>>,
}

impl From<Answer> for AnswerRow {
    fn from(answer: Answer) -> Self {
        Self {
            label: answer.label,
            logits: answer.logits,
        }
    }
}

impl AnswerRow {
    /// What a client learns if the network computes `logits`.
    pub fn expected(logits: Vec<i64>, reveal: Reveal) -> Self {
        Self {
            label: arg_max(&logits),
            logits: (reveal == Reveal::Logits).then_some(logits),
        }
    }
}

/// SHA-256, in hexadecimal, of all logits as little-endian `i64`, image after image. Where logits are not revealed,
/// each image's label takes their place.
pub fn digest(answers: &[AnswerRow]) -> String {
    let mut hash = Sha256::new();
    for answer in answers {
        match &answer.logits {
            Some(logits) => logits
                .iter()
                .for_each(|logit| hash.update(logit.to_le_bytes())),
            None => hash.update((answer.label as i64).to_le_bytes()),
        }
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_over_logits_in_order() {
        let row = |logits: Option<Vec<i64>>| AnswerRow { label: 1, logits };
        let joined = digest(&[row(Some(vec![-1, 2, 3]))]);
        assert_eq!(
            digest(&[row(Some(vec![-1])), row(Some(vec![2, 3]))]),
            joined
        );
        assert_ne!(digest(&[row(Some(vec![2, -1, 3]))]), joined);
        assert_eq!(digest(&[row(None)]), digest(&[row(Some(vec![1]))]));
        // SHA-256 of nothing.
        assert!(digest(&[]).starts_with("e3b0c44298fc1c14"));
    }
}
