// A test switch: wraps `fetch` as the Perses UI does once per render of its authorization provider. Each layer answers a 401
// by a refresh and one more call of the layer below; a refresh that is refused rejects.

const asked = new URLSearchParams(window.location.search).get('fetchLayers');
if (asked !== null) sessionStorage.setItem('fetchLayers', asked);
const layers = Math.min(16, Number(sessionStorage.getItem('fetchLayers') ?? 0) || 0);

for (let layer = 0; layer < layers; layer++) {
  const below = globalThis.fetch;
  globalThis.fetch = async (...args) => {
    const response = await below(...args);
    if (response.status !== 401) return response;
    const refresh = await below('/api/auth/refresh', { method: 'POST' });
    if (refresh.status === 400) {
      document.cookie = 'jwtPayload=; path=/; max-age=0';
      throw new Error('The session is over.');
    }
    return below(...args);
  };
}

export {};
