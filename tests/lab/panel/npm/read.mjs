// Reads a panel with clients of others and prints what they made of it: node read.mjs BASE USERNAME PASSWORD raw|standardized...
import { parseM3U } from "@iptv/playlist";
import { parseXmltv } from "@iptv/xmltv";
import { Xtream } from "@iptv/xtream-api";
import { standardizedSerializer } from "@iptv/xtream-api/standardized";
import parser from "iptv-playlist-parser";

const [base, username, password, ...kinds] = process.argv.slice(2);
const serializers = { raw: undefined, standardized: standardizedSerializer };
const login = `username=${username}&password=${password}`;
const text = async (path) => (await fetch(`${base}/${path}`)).text();
const told = {};

for (const kind of kinds) {
  const client = new Xtream({ url: base, username, password, preferredFormat: "ts", serializer: serializers[kind] });
  const channels = await client.getChannels();
  const movies = await client.getMovies();
  const shows = await client.getShows();
  const first = shows[0].series_id ?? shows[0].id;
  told[kind] = {
    profile: await client.getProfile(),
    server: await client.getServerInfo(),
    channelCategories: await client.getChannelCategories(),
    channels,
    movies: movies.length,
    movie: await client.getMovie({ movieId: 20000 }),
    shows: shows.length,
    show: await client.getShow({ showId: first }),
    shortEpg: await client.getShortEPG({ channelId: 101, limit: 2 }),
    fullEpg: await client.getFullEPG({ channelId: 101 }),
  };
}
const list = await text(`get.php?${login}&type=m3u_plus&output=ts&key=live`);
told.playlist = parseM3U(list).channels;
told.otherPlaylist = parser.parse(list).items;
const guide = parseXmltv(await text(`xmltv.php?${login}`));
told.guide = { channels: guide.channels.map((c) => c.id), programmes: guide.programmes.length };
console.log(JSON.stringify(told));
