// A stranger's receiver: creates an endpoint, issues an invoice, and checks what arrives with the official library.
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { Webhook } from 'standardwebhooks'

const [server, folder] = process.argv.slice(2)
let held = 0
let asked = 0
const hold = (what, good) => {
  asked++
  if (good) held++
  else console.log('does not hold:', what)
}

async function ask(token, query, variables = {}) {
  const response = await fetch(`${server}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors } = await response.json()
  if (errors) throw new Error(JSON.stringify(errors))
  for (const payload of Object.values(data))
    if (payload?.userErrors?.length) throw new Error(JSON.stringify(payload.userErrors))
  return data
}
const signIn = async (email, password) =>
  (await ask(null, 'mutation($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { message } } }', { input: { email, password } })).signIn.accessToken
const enter = async (token, client) =>
  (await ask(token, 'mutation($client: ID!) { clientTokenCreate(input: { client: $client }) { accessToken userErrors { message } } }', { client })).clientTokenCreate.accessToken
const wait = async (what, look) => {
  for (let i = 0; i < 300; i++) {
    const found = await look()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${what} never came`)
}

// Who may: an accountant who is also the client's administrator.
const admin = await signIn('admin@demo.example', 'demo-Provider-4711')
let accountant = await signIn('accountant@demo.example', 'demo-Ledger-4711')
const { clients } = await ask(accountant, '{ clients(first: 10) { nodes { id name } } }')
const client = clients.nodes.find((one) => one.name.includes('Nordwind')).id
const { viewer } = await ask(accountant, '{ viewer { id } }')
const inside = await enter(admin, client)
const { roles } = await ask(inside, '{ roles(first: 100) { nodes { id name } } }')
const role = roles.nodes.find((one) => one.name === 'Client administrator').id
await ask(inside, 'mutation($input: GrantCreateInput!) { grantCreate(input: $input) { userErrors { message } } }', {
  input: { user: viewer.id, role, effect: 'ALLOW', from: '2026-01-01' },
})
accountant = await enter(accountant, client)

// The receiver.
const received = []
const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
const take = (request, response) => {
  let body = ''
  request.on('data', (data) => (body += data))
  request.on('end', () => {
    received.push({ headers: request.headers, body })
    response.writeHead(204).end()
  })
}
const plain = createServer(take)
const port = await listen(plain)
const untrusted = createTlsServer({ key: readFileSync(`${folder}/key.pem`), cert: readFileSync(`${folder}/cert.pem`) }, take)
const tlsPort = await listen(untrusted)

const create = async (name, url, events) => {
  const data = await ask(accountant, 'mutation($input: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $input) { secret webhookEndpoint { id } userErrors { message } } }', { input: { name, url, events } })
  return { id: data.webhookEndpointCreate.webhookEndpoint.id, secret: data.webhookEndpointCreate.secret }
}
const endpoint = await create('Conformance', `http://127.0.0.1:${port}/hooks`, ['INVOICE_ISSUED', 'CUSTOMER_CREATED'])
const distrusted = await create('Untrusted', `https://localhost:${tlsPort}/hooks`, ['CUSTOMER_CREATED'])

const { customers } = await ask(accountant, '{ customers(first: 1) { nodes { id } } }')
const { accounts } = await ask(accountant, '{ accounts(first: 1, filter: { code: { eq: "4400" } }) { nodes { id } } }')
const { invoiceCreate } = await ask(accountant, 'mutation($input: InvoiceCreateInput!) { invoiceCreate(input: $input) { invoice { id } userErrors { message } } }', {
  input: { customer: customers.nodes[0].id, lines: [{ description: 'Ünïcode “goods” 🧾', quantity: '1', unitPrice: '100.00', account: accounts.nodes[0].id }] },
})
const invoice = invoiceCreate.invoice.id
await ask(accountant, 'mutation($id: ID!) { invoiceIssue(input: { id: $id, issueDate: "2026-02-20" }) { userErrors { message } } }', { id: invoice })
await wait('the invoice', () => received.length >= 1)

// Two live secrets, for an hour.
const { webhookSecretRotate } = await ask(accountant, 'mutation($id: ID!) { webhookSecretRotate(input: { id: $id, overlapHours: 1 }) { secret userErrors { message } } }', { id: endpoint.id })
const number = `conformance-${Date.now()}`
await ask(accountant, 'mutation($number: String!) { customerCreate(input: { number: $number, name: "Conformance", country: "DE" }) { userErrors { message } } }', { number })
await wait('the customer', () => received.length >= 2)
received[0].secrets = [endpoint.secret]
received[1].secrets = [endpoint.secret, webhookSecretRotate.secret]

const good = (secret, body, headers) => {
  try {
    return Boolean(new Webhook(secret).verify(body, headers))
  } catch {
    return false
  }
}
for (const { headers, body, secrets } of received) {
  const what = headers['webhook-id']
  for (const secret of secrets) hold(`${what} is signed`, good(secret, body, headers))
  hold(`${what} by another secret is refused`, !good('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', body, headers))
  hold(`${what} with another body is refused`, !good(secrets[0], `${body} `, headers))
  hold(`${what} of another time is refused`, !good(secrets[0], body, { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 1) }))
}
hold('the first message is of its time only', !good(webhookSecretRotate.secret, received[0].body, received[0].headers))
const message = JSON.parse(received[0].body)
hold('type', message.type === 'invoice.issued')
hold('node', message.data.node === invoice && message.data.nodeType === 'Invoice')
hold('client', message.data.client === client)
hold('timestamp', Math.abs(Date.now() - Date.parse(message.timestamp)) < 60_000)
const { events } = await ask(accountant, 'query($after: String) { events(first: 1, after: $after, kinds: [CUSTOMER_CREATED]) { nodes { id } } }', { after: message.data.cursor })
hold('from the cursor on, the next event is read', events.nodes[0].id === JSON.parse(received[1].body).data.event)
const outcome = await wait('the refusal of a certificate', async () => {
  const { webhookDeliveries } = await ask(accountant, 'query($id: ID!) { webhookDeliveries(filter: { endpoint: { eq: $id } }) { nodes { log { outcome } } } }', { id: distrusted.id })
  return webhookDeliveries.nodes[0]?.log[0]?.outcome
})
hold('a certificate that nobody trusts is told nothing', outcome === 'UNTRUSTED')
hold('nothing else came', received.length === 2)
for (const { id } of [endpoint, distrusted])
  await ask(accountant, 'mutation($id: ID!) { webhookEndpointDelete(input: { id: $id }) { userErrors { message } } }', { id })
writeFileSync(`${folder}/received.json`, JSON.stringify(received))
console.log(`${held} of ${asked} held`)
plain.close()
untrusted.close()
process.exit(held === asked ? 0 : 1)
