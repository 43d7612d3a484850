// Places on a map in memory, on grpc-js.
'use strict';

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { ReflectionService } = require('@grpc/reflection');
const { HealthImplementation } = require('grpc-health-check');

const { status } = grpc;
const KINDS = [0, 1, 2, 3];
const MOST_TAGS = 10;
const MOST_POINTS = 10000;
const MOST_NOTES = 50;
const RADIUS = 6371000;

class Failure extends Error {
  constructor(code, details) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

const invalid = (details) => new Failure(status.INVALID_ARGUMENT, details);

const places = new Map();
const byPoint = new Map();
const notes = new Map();
let last = 0;

function keyOf(point) {
  return `${point.latitude},${point.longitude}`;
}

function checkPoint(point, field) {
  if (!point) {
    throw invalid(`${field} is required`);
  }
  if (Math.abs(point.latitude) > 90000000) {
    throw invalid(`${field}.latitude is out of range`);
  }
  if (Math.abs(point.longitude) > 180000000) {
    throw invalid(`${field}.longitude is out of range`);
  }
}

function checkNamed(request) {
  const length = [...request.name].length;
  if (length < 1 || length > 80) {
    throw invalid('name must have 1 to 80 characters');
  }
  if (request.tags.length > MOST_TAGS) {
    throw invalid(`there can be ${MOST_TAGS} tags`);
  }
  for (const tag of request.tags) {
    if (!/^[a-z]{1,20}$/.test(tag)) {
      throw invalid('tags have 1 to 20 small letters');
    }
  }
  if (!(request.rating >= 0 && request.rating <= 5)) {
    throw invalid('rating must be from 0 to 5');
  }
}

function meters(from, to) {
  const radians = (value) => (value / 1e6) * (Math.PI / 180);
  const north = radians(to.latitude - from.latitude) / 2;
  const east = radians(to.longitude - from.longitude) / 2;
  const part =
    Math.sin(north) ** 2 +
    Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * Math.sin(east) ** 2;
  return Math.round(2 * RADIUS * Math.asin(Math.min(1, Math.sqrt(part))));
}

function existing(number) {
  if (number === 0) {
    throw invalid('number is required');
  }
  const place = places.get(number);
  if (!place) {
    throw new Failure(status.NOT_FOUND, 'there is no such place');
  }
  return place;
}

function addPlace(request) {
  checkNamed(request);
  checkPoint(request.location, 'location');
  if (!KINDS.includes(request.kind)) {
    throw invalid('kind is unknown');
  }
  const key = keyOf(request.location);
  if (byPoint.has(key)) {
    throw new Failure(status.ALREADY_EXISTS, 'there is a place at this point');
  }
  last += 1;
  const place = {
    number: last,
    name: request.name,
    location: request.location,
    kind: request.kind,
    tags: request.tags,
    rating: request.rating,
  };
  if (request._inhabitants) {
    place.inhabitants = request.inhabitants;
  }
  places.set(place.number, place);
  byPoint.set(key, place);
  return place;
}

function getPlace(request) {
  if (request.by === 'number') {
    return existing(request.number);
  }
  if (request.by !== 'location') {
    throw invalid('number or location is required');
  }
  checkPoint(request.location, 'location');
  const place = byPoint.get(keyOf(request.location));
  if (!place) {
    throw new Failure(status.NOT_FOUND, 'there is no place at this point');
  }
  return place;
}

function renamePlace(request) {
  checkNamed(request);
  const place = existing(request.number);
  place.name = request.name;
  place.tags = request.tags;
  place.rating = request.rating;
  return place;
}

function removePlace(request) {
  const place = existing(request.number);
  places.delete(place.number);
  byPoint.delete(keyOf(place.location));
  return {};
}

function listPlaces(request) {
  checkPoint(request.low, 'low');
  checkPoint(request.high, 'high');
  if (request.low.latitude > request.high.latitude || request.low.longitude > request.high.longitude) {
    throw invalid('low must be south and west of high');
  }
  return [...places.values()]
    .filter(({ location }) =>
      location.latitude >= request.low.latitude &&
      location.latitude <= request.high.latitude &&
      location.longitude >= request.low.longitude &&
      location.longitude <= request.high.longitude)
    .sort((one, other) => one.location.longitude - other.location.longitude || one.number - other.number);
}

function distance(request) {
  checkPoint(request.from, 'from');
  checkPoint(request.to, 'to');
  return { meters: meters(request.from, request.to) };
}

class Route {
  constructor() {
    this.summary = { points: 0, places: 0, meters: 0 };
    this.before = null;
  }

  add(point) {
    checkPoint(point, 'point');
    if (this.summary.points === MOST_POINTS) {
      throw new Failure(status.RESOURCE_EXHAUSTED, `a route has at most ${MOST_POINTS} points`);
    }
    this.summary.points += 1;
    if (byPoint.has(keyOf(point))) {
      this.summary.places += 1;
    }
    if (this.before) {
      this.summary.meters = Math.min(this.summary.meters + meters(this.before, point), 2147483647);
    }
    this.before = point;
  }
}

function leaveNote(note) {
  checkPoint(note.location, 'location');
  const length = [...note.text].length;
  if (length < 1 || length > 200) {
    throw invalid('text must have 1 to 200 characters');
  }
  const key = keyOf(note.location);
  const earlier = notes.get(key) || [];
  notes.set(key, [...earlier, note].slice(-MOST_NOTES));
  return earlier;
}

function failureOf(error) {
  if (error instanceof Failure) {
    return error;
  }
  return { code: status.UNKNOWN, details: String(error.message) };
}

function unary(handle) {
  return (call, callback) => {
    try {
      callback(null, handle(call.request));
    } catch (error) {
      callback(failureOf(error));
    }
  };
}

const implementation = {
  addPlace: unary(addPlace),
  getPlace: unary(getPlace),
  renamePlace: unary(renamePlace),
  removePlace: unary(removePlace),
  distance: unary(distance),

  listPlaces(call) {
    try {
      for (const place of listPlaces(call.request)) {
        call.write(place);
      }
      call.end();
    } catch (error) {
      call.emit('error', failureOf(error));
    }
  },

  recordRoute(call, callback) {
    const route = new Route();
    let failed = false;
    call.on('data', (point) => {
      if (failed) {
        return;
      }
      try {
        route.add(point);
      } catch (error) {
        failed = true;
        callback(failureOf(error));
      }
    });
    call.on('error', () => {
      failed = true;
    });
    call.on('end', () => {
      if (!failed) {
        callback(null, route.summary);
      }
    });
  },

  chat(call) {
    let failed = false;
    call.on('data', (note) => {
      if (failed) {
        return;
      }
      try {
        for (const earlier of leaveNote(note)) {
          call.write(earlier);
        }
      } catch (error) {
        failed = true;
        call.emit('error', failureOf(error));
      }
    });
    call.on('error', () => {
      failed = true;
    });
    call.on('end', () => {
      if (!failed) {
        call.end();
      }
    });
  },
};

const [, , protos, address] = process.argv;
const definition = loader.loadSync(`${protos}/routes.proto`, {
  longs: String, enums: Number, defaults: true, oneofs: true,
});
const server = new grpc.Server();
server.addService(grpc.loadPackageDefinition(definition).routes.Routes.service, implementation);
new HealthImplementation({ '': 'SERVING', 'routes.Routes': 'SERVING' }).addToServer(server);
new ReflectionService(definition).addToServer(server);
server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) {
    throw error;
  }
  console.log(`127.0.0.1:${port}`);
});
