//! A mutable window of rows and columns of a row-major matrix: what one thread may write.
//!
//! Invariant: windows made from one matrix never overlap, because a window is only ever split, never copied.
//! It holds the only raw pointer to tensor data.

use std::marker::PhantomData;
use std::ptr::NonNull;

/// A window into a row-major `[rows, columns]` matrix of `f32`.
#[derive(Debug)]
pub struct ColumnsMut<'a> {
    first: NonNull<f32>,
    rows: usize,
    columns: usize,
    stride: usize,
    matrix: PhantomData<&'a mut [f32]>,
}

// SAFETY: a window is an exclusive borrow of its elements, as `&mut [f32]` is, and those are `Send`.
unsafe impl Send for ColumnsMut<'_> {}

impl<'a> ColumnsMut<'a> {
    /// The whole matrix; `matrix.len()` must be a multiple of `columns`.
    pub fn new(matrix: &'a mut [f32], columns: usize) -> Self {
        let rows = matrix.len().checked_div(columns).unwrap_or(0);
        assert_eq!(rows * columns, matrix.len(), "whole rows only");
        let first = NonNull::from(matrix).cast();
        Self { first, rows, columns, stride: columns, matrix: PhantomData }
    }

    /// Rows of the window.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of the window.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The window's part of one row.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let first = self.first.as_ptr().wrapping_add(row * self.stride);
        // SAFETY: the row lies inside the borrowed matrix, and no other window holds these columns of it.
        unsafe { std::slice::from_raw_parts_mut(first, self.columns) }
    }

    /// Where a row of the windows below and to the right would begin: addresses to ask for, not to read.
    pub fn neighbours(&self, row: usize) -> [*const f32; 2] {
        let first = self.first.as_ptr().wrapping_add(row * self.stride);
        [first.wrapping_add(self.rows * self.stride), first.wrapping_add(self.columns)]
    }

    /// The first `at` rows, and the others.
    pub fn split_rows(self, at: usize) -> (Self, Self) {
        assert!(at <= self.rows, "row {at} of {}", self.rows);
        let below = Self { first: self.offset(at * self.stride), rows: self.rows - at, ..self };
        (Self { rows: at, ..self }, below)
    }

    /// The first `at` columns, and the others.
    pub fn split_columns(self, at: usize) -> (Self, Self) {
        assert!(at <= self.columns, "column {at} of {}", self.columns);
        let right = Self { first: self.offset(at), columns: self.columns - at, ..self };
        (Self { columns: at, ..self }, right)
    }

    /// Cuts off the first `at` rows and leaves the others.
    #[must_use]
    pub fn take_rows(&mut self, at: usize) -> Self {
        let (taken, rest) = self.reborrow().split_rows(at);
        *self = rest;
        taken
    }

    /// Cuts off the first `at` columns and leaves the others.
    #[must_use]
    pub fn take_columns(&mut self, at: usize) -> Self {
        let (taken, rest) = self.reborrow().split_columns(at);
        *self = rest;
        taken
    }

    /// Moves the window out, leaving an empty one.
    fn reborrow(&mut self) -> Self {
        let empty = Self { rows: 0, columns: 0, ..*self };
        std::mem::replace(self, empty)
    }

    fn offset(&self, elements: usize) -> NonNull<f32> {
        NonNull::new(self.first.as_ptr().wrapping_add(elements)).expect("an offset into an allocation is not null")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_windows_cover_the_matrix_once() {
        let mut matrix = vec![0.0; 5 * 7];
        let (top, bottom) = ColumnsMut::new(&mut matrix, 7).split_rows(2);
        let mut windows = vec![];
        for half in [top, bottom] {
            let (left, right) = half.split_columns(3);
            windows.extend([left, right]);
        }
        for (index, window) in windows.iter_mut().enumerate() {
            for row in 0..window.rows() {
                window.row_mut(row).iter_mut().for_each(|value| *value += 1.0 + index as f32);
            }
        }
        let expected = |row: usize, column: usize| 1.0 + (usize::from(row >= 2) * 2 + usize::from(column >= 3)) as f32;
        for (index, value) in matrix.iter().enumerate() {
            assert_eq!(value.to_bits(), expected(index / 7, index % 7).to_bits());
        }
    }

    #[test]
    fn taking_walks_through_the_rows() {
        let mut matrix: Vec<f32> = (0..6).map(|index| index as f32).collect();
        let mut rest = ColumnsMut::new(&mut matrix, 2);
        assert_eq!(rest.take_rows(1).row_mut(0), [0.0, 1.0]);
        assert_eq!(rest.take_columns(1).row_mut(1), [4.0]);
        assert_eq!(rest.row_mut(0), [3.0]);
    }

    #[test]
    #[should_panic(expected = "row 2 of 2")]
    fn a_row_outside_is_refused() {
        ColumnsMut::new(&mut [0.0; 4], 2).row_mut(2);
    }
}
