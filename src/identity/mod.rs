//! stub
pub mod token {
    //! stub
    use crate::platform::{db::{Pools, Urls}, error::Result, scope::Caller};
    /// stub
    #[derive(Clone)]
    pub struct Keys;
    impl Keys {
        /// stub
        pub async fn load(_p: &Pools) -> Result<Self> { Ok(Self) }
        /// stub
        pub fn verify(&self, _t: &str) -> Caller { Caller::Nobody }
        /// stub
        pub fn unloaded() -> Self { Self }
        /// stub
        pub fn jwks(&self) -> serde_json::Value { serde_json::json!({}) }
        /// stub
        pub async fn keep_fresh(self, _u: Urls) {}
    }
    /// stub
    pub async fn rotate(_u: &Urls) -> std::result::Result<String, Box<dyn std::error::Error>> { Ok(String::new()) }
}
pub mod people {
    //! stub
    use crate::platform::db::Urls;
    /// stub
    pub async fn create_user(_u: &Urls, _e: &str, _n: &str, _p: &str, _a: bool) -> std::result::Result<String, Box<dyn std::error::Error>> { Ok(String::new()) }
}
pub mod oauth {
    //! stub
    use crate::platform::db::Pools;
    /// stub
    #[derive(serde::Deserialize, Default)]
    pub struct TokenForm { pub grant_type: Option<String>, pub client_id: Option<String>, pub client_secret: Option<String>, pub scope: Option<String>, pub refresh_token: Option<String> }
    /// stub
    pub struct OAuthError { pub status: u16, pub error: &'static str, pub description: String }
    impl OAuthError { /// stub
        pub fn invalid_request(d: &str) -> Self { Self { status: 400, error: "invalid_request", description: d.to_owned() } } }
    /// stub
    #[derive(serde::Serialize)]
    pub struct TokenResponse {}
    /// stub
    pub async fn token(_p: &Pools, _k: &super::token::Keys, _f: TokenForm, _a: &str) -> Result<TokenResponse, OAuthError> { Ok(TokenResponse{}) }
}
