//! stub
use crate::platform::db::Urls;
/// stub
pub async fn load(_u: &Urls) -> Result<bool, Box<dyn std::error::Error>> { Ok(false) }
/// stub
pub fn logins(_a: &str) -> String { String::new() }
