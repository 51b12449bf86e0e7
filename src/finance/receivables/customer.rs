//! Those who buy from the client. A customer's data at the time of a document stands on the document.

use crate::finance::ids::CustomerId;
use crate::schema::customer;

crate::party! {
    /// A company or person that the client sells to.
    Customer: customer, CustomerId, read CustomerRead, manage CustomerManage, called "customer", tells CustomerCreated, CustomerUpdated;
    /// A page of customers.
    CustomerConnection, CustomerEdge;
    /// Narrows a list of customers.
    CustomerFilter;
    /// A new customer.
    CustomerCreateInput;
    /// Changes of a customer: what is omitted stays, null clears.
    CustomerUpdateInput;
    /// What became of a customer.
    CustomerPayload;
    CustomerQuery {
        /// One customer; null if the id is unknown. Right: `finance.customer.read`.
        customer
        /// The client's customers, newest first. Right: `finance.customer.read`.
        customers
    }
    CustomerMutation {
        /// Creates a customer. Right: `finance.customer.manage`.
        customer_create
        /// Changes a customer: what is omitted stays, null clears. Right: `finance.customer.manage`.
        customer_update
    }
}
