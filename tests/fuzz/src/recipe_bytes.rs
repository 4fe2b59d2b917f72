//! Bytes that may be the compact form of a recipe.

use super::bytes::seal;
use super::recipe_line::comes_back;
use idinit::recipe::{Recipe, RecipeError};

/// Bytes as they are, and with a sound checksum in place of their last eight.
pub fn recipe_bytes(data: &[u8]) {
    read(data);
    let mut sealed = data.to_vec();
    seal(&mut sealed);
    read(&sealed);
}

fn read(bytes: &[u8]) {
    let small = Recipe::<24>::from_bytes(bytes);
    match Recipe::<64>::from_bytes(bytes) {
        Ok(recipe) => {
            assert_eq!(recipe.as_bytes(), bytes);
            comes_back(&recipe);
            match small {
                Ok(small) => assert_eq!(small, recipe),
                Err(error) => assert_eq!(error, RecipeError::Long { room: 24 }),
            }
        }
        Err(error) => {
            assert!(small.is_err());
            assert!(!error.to_string().is_empty());
        }
    }
}
