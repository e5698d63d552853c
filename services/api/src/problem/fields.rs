//! What is wrong with the fields of a request.

use serde::Serialize;
use utoipa::ToSchema;

use super::Problem;

/// A field or parameter with a value that it cannot have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Its name; members of a list as `recipients[2]`.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// What is wrong with a request.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldError>);

impl Faults {
    /// Notes what is wrong with a field.
    pub(crate) fn add(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldError {
            field: field.into(),
            detail: detail.into(),
        });
    }

    /// Refuses the request if anything was wrong.
    pub(crate) fn refuse(self) -> Result<(), Problem> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Problem::invalid_fields(self.0)),
        }
    }
}
