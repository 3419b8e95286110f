// node issuer.mjs MODULES PORT CLIENT SECRET SECONDS : tokens for one client, signed; the keys are at /jwks.
import { pathToFileURL } from 'node:url';

const [modules, port, client, secret, seconds] = process.argv.slice(2);
const { OAuth2Server } = await import(pathToFileURL(`${modules}/oauth2-mock-server/dist/index.mjs`));
const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
const lifetime = Number(seconds);

// By a header, or in the form, as the client likes.
function known(req) {
  const [scheme, given] = (req.headers.authorization ?? '').split(' ');
  if (scheme === 'Basic') {
    const [id, ...rest] = Buffer.from(given, 'base64').toString().split(':');
    return decodeURIComponent(id) === client && decodeURIComponent(rest.join(':')) === secret;
  }
  return req.body?.client_id === client && req.body?.client_secret === secret;
}

server.service.on('beforeTokenSigning', (token, req) => {
  token.payload.aud = 'kafka';
  token.payload.sub = client;
  // Brokers take no token without one.
  token.payload.scope = req.body?.scope || 'kafka';
  token.payload.exp = token.payload.iat + lifetime;
});
server.service.on('beforeResponse', (response, req) => {
  if (known(req)) {
    response.body.expires_in = lifetime;
  } else {
    response.statusCode = 401;
    response.body = { error: 'invalid_client', error_description: 'no such client, or another secret' };
  }
});
await server.start(Number(port), '127.0.0.1');
server.issuer.url = `http://127.0.0.1:${port}`;
console.log('READY');
