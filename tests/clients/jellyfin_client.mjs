// @jellyfin/sdk against the fake Jellyfin: jellyfin_client.mjs URL USER PASSWORD ITEM
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

const modules = process.env.CLIENTS;
const at = (path) => import(pathToFileURL(`${modules}/@jellyfin/sdk/lib/${path}`));
const { Jellyfin } = await at("index.js");
const { getSystemApi } = await at("utils/api/system-api.js");
const { getSessionApi } = await at("utils/api/session-api.js");
const { getUserApi } = await at("utils/api/user-api.js");
const { getLibraryApi } = await at("utils/api/library-api.js");
const { getMediaSegmentApi } = await at("utils/api/media-segment-api.js");
const { getAuthenticationApi } = await at("utils/api/authentication-api.js");

const [url, user, password, item] = process.argv.slice(2);
const jellyfin = new Jellyfin({
  clientInfo: { name: "Playrelay tests", version: "0.1.0" },
  deviceInfo: { name: "a test", id: "a-device" },
});
const api = jellyfin.createApi(url);
assert.equal((await getSystemApi(api).getPublicSystemInfo()).data.ServerName, "Attic");
assert.equal((await getAuthenticationApi(api).getQuickConnectEnabled()).data, true);
const code = (await getAuthenticationApi(api).initiateQuickConnect()).data;
assert.ok(code.Code && code.Secret);

const login = (await getAuthenticationApi(api).authenticateUserByName({ authenticateUserByName: { Username: user, Pw: password } })).data;
assert.equal(login.User.Name, user);
api.update({ accessToken: login.AccessToken });
const users = (await getUserApi(api).getUsers()).data;
assert.ok(users.some((it) => it.Name === user));
const [session] = (await getSessionApi(api).getSessions()).data;
assert.equal(session.NowPlayingItem.Name, "Inception");
const found = (await getLibraryApi(api).getItems({ ids: [item], fields: ["ProviderIds"] })).data;
assert.equal(found.Items[0].ProviderIds.Imdb, "tt1375666");
await getLibraryApi(api).getAncestors({ itemId: item });
const segments = (await getMediaSegmentApi(api).getItemSegments({ itemId: item, includeSegmentTypes: ["Outro"] })).data;
assert.equal(segments.Items[0].Type, "Outro");
await getSessionApi(api).reportSessionEnded();
console.log("done");
