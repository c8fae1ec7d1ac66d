//! Tensors of heads that are named by their tasks, by the numbers of these.

use crate::checkpoint::TensorMap;
use crate::config::Task;

/// Renames `heads.NAME.weight` and `.bias`.
pub(super) fn number(tasks: &[Task], tensors: &mut TensorMap) {
    let mut numbered = Vec::new();
    for (number, task) in tasks.iter().enumerate() {
        for term in ["weight", "bias"] {
            let tensor = tensors.remove(&format!("heads.{}.{term}", task.name));
            numbered.extend(tensor.map(|tensor| (format!("heads.{number}.{term}"), tensor)));
        }
    }
    tensors.extend(numbered);
}
