import { buildDescriptors } from './build-descriptors.fixture.js';

/** A service that uses what the platform's own protos do not: every kind of field, path and binding. */
export const LIBRARY_PROTO = `
syntax = "proto3";

package library.v1;

import "google/api/annotations.proto";
import "google/api/client.proto";
import "google/api/field_behavior.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

// Where books are kept.
service LibraryService {
  option (google.api.default_host) = "library-service:50099";

  // Returns a book! Or NOT_FOUND. By its name.
  rpc GetBook(GetBookRequest) returns (Book) {
    option (google.api.http) = {
      get: "/v1/{name=shelves/*/books/*}"
      additional_bindings { get: "/v1/book-titles/{name}" response_body: "title" }
    };
  }
  // Finds books.
  rpc SearchBooks(SearchBooksRequest) returns (Book) {
    option (google.api.http) = {get: "/v1/books:search"};
  }
  // Changes a book.
  rpc UpdateBook(UpdateBookRequest) returns (Book) {
    option (google.api.http) = {patch: "/v1/{book.name=shelves/*/books/*}" body: "book"};
  }
  // Sets the title and nothing else.
  rpc RenameBook(RenameBookRequest) returns (Book) {
    option (google.api.http) = {put: "/v1/titles/{name}" body: "title"};
  }
  // Reads a file.
  rpc ReadFile(ReadFileRequest) returns (google.protobuf.Empty) {
    option (google.api.http) = {get: "/v1/files/{path=**}"};
  }
  // Looks into a shelf.
  rpc Inspect(GetBookRequest) returns (google.protobuf.Empty) {
    option (google.api.http) = {custom: {kind: "SEARCH" path: "/v1/shelves/{name}"}};
  }
  // Has no annotation, so REST does not know it.
  rpc Hidden(GetBookRequest) returns (Book) {}
}

// A book.
message Book {
  // Its resource name.
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
  string title = 2 [(google.api.field_behavior) = REQUIRED];
  // What it is about.
  Genre genre = 3;
  Author author = 4;
  repeated string tags = 5;
  map<string, int32> ratings = 6;
  google.protobuf.Timestamp create_time = 7 [(google.api.field_behavior) = OUTPUT_ONLY];
  string secret = 8 [(google.api.field_behavior) = INPUT_ONLY];
  Book sequel = 9;
  oneof place {
    string shelf = 10;
    int64 box = 11;
  }
  google.protobuf.Any extra = 12;
  google.protobuf.Struct facts = 13;
  repeated Author editors = 14;
  map<string, Author> translators = 15;
}

message Author {
  string first_name = 1;
  string last_name = 2;
}

// What a book is about.
enum Genre {
  // Nobody knows.
  GENRE_UNSPECIFIED = 0;
  // Spaceships.
  GENRE_SCIENCE_FICTION = 1;
}

message GetBookRequest {
  string name = 1 [(google.api.field_behavior) = REQUIRED];
}

message SearchBooksRequest {
  string title = 1;
  Author author = 2;
  repeated Genre genres = 3;
  repeated int32 years = 4;
  bool printed = 5;
  int64 copies = 6;
  uint64 weight = 7;
  double price = 8;
  bytes digest = 9;
  google.protobuf.Timestamp since_time = 10;
  google.protobuf.Duration max_age = 11;
  google.protobuf.FieldMask read_mask = 12;
  google.protobuf.Int32Value min_pages = 13;
  google.protobuf.BoolValue signed = 14;
  optional string note = 15;
  oneof place {
    string shelf = 16;
    int64 box = 17;
  }
  map<string, string> labels = 18;
  repeated Author authors = 19;
  google.protobuf.Struct facts = 20;
  Book like = 21;
}

message UpdateBookRequest {
  Book book = 1 [(google.api.field_behavior) = REQUIRED];
  google.protobuf.FieldMask update_mask = 2;
  bool allow_missing = 3;
}

message RenameBookRequest {
  string name = 1;
  string title = 2;
}

message ReadFileRequest {
  string path = 1;
}
`;

/** A small proto around one service's body. */
export function protoOf(service: string, messages = 'message Thing { string id = 1; }', name = 'ThingService'): string {
  return [
    'syntax = "proto3";',
    'package thing.v1;',
    'import "google/api/annotations.proto";',
    'import "google/api/client.proto";',
    messages,
    `service ${name} { ${service} }`,
  ].join('\n');
}

export function libraryDescriptors(): Uint8Array {
  return buildDescriptors({ 'library/v1/library.proto': LIBRARY_PROTO });
}
