// Peer "limit": what one core and the kernel allow. A single-threaded epoll loop that does nothing but relay: frames of all
// messages that arrived in one wake-up are built once and go to each subscriber in one send(). No TLS, no extensions, no
// fragmented messages, no ping, no timeout: not a server to use, a bound to compare with.
// Usage: limit PORT

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "limit-handshake.h"

namespace {

constexpr size_t MAX_MESSAGE = 16u << 20;
constexpr size_t MAX_PENDING = 64u << 20;
constexpr size_t MAX_REQUEST = 16u << 10;

struct Topic;

struct Connection {
  explicit Connection(int socket) : fd(socket) {}
  int fd;
  Topic* topic = nullptr;  // null until the handshake is done
  size_t index = 0;        // place in topic->members
  std::string in;
  std::string pending;  // what the kernel did not take
  bool closing = false;
};

struct Piece {
  Connection* sender;
  size_t start, end;
};

struct Topic {
  std::vector<Connection*> members;
  std::string batch;  // frames of this wake-up, in order of arrival
  std::vector<Piece> pieces;
};

int epollFd;
std::unordered_map<std::string, std::unique_ptr<Topic>> topics;
std::vector<Topic*> dirty;
std::vector<Connection*> dead;

void condemn(Connection* c) {
  if (c->closing) return;
  c->closing = true;
  dead.push_back(c);
}

void watch(Connection* c, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = c;
  epoll_ctl(epollFd, EPOLL_CTL_MOD, c->fd, &event);
}

void deliver(Connection* c, const char* bytes, size_t size) {
  if (c->closing || size == 0) return;
  ssize_t sent = 0;
  if (c->pending.empty()) {
    sent = send(c->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return condemn(c);
    if (sent < 0) sent = 0;
    if (size_t(sent) == size) return;
    watch(c, EPOLLIN | EPOLLOUT);
  }
  c->pending.append(bytes + sent, size - sent);
  if (c->pending.size() > MAX_PENDING) condemn(c);
}

void drain(Connection* c) {
  ssize_t sent = send(c->fd, c->pending.data(), c->pending.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) return errno == EAGAIN ? void() : condemn(c);
  c->pending.erase(0, sent);
  if (c->pending.empty()) watch(c, EPOLLIN);
}

/** Queues one message for its topic; `opcode` keeps text and binary apart. */
void relay(Connection* sender, unsigned char opcode, const char* masked, size_t size, const unsigned char* key) {
  Topic* topic = sender->topic;
  if (topic->pieces.empty()) dirty.push_back(topic);
  std::string& batch = topic->batch;
  size_t start = batch.size();
  batch += char(0x80 | opcode);
  if (size < 126) batch += char(size);
  else if (size < 65536) batch += char(126), batch += char(size >> 8), batch += char(size);
  else {
    batch += char(127);
    for (int i = 7; i >= 0; i--) batch += char(uint64_t(size) >> (8 * i));
  }
  size_t at = batch.size();
  batch.append(masked, size);
  for (size_t i = 0; i < size; i++) batch[at + i] ^= char(key[i & 3]);
  topic->pieces.push_back({sender, start, batch.size()});
}

/** Consumes every whole frame in c->in. */
void readFrames(Connection* c) {
  size_t at = 0;
  const std::string& in = c->in;
  while (!c->closing && in.size() - at >= 6) {
    const unsigned char* p = reinterpret_cast<const unsigned char*>(in.data()) + at;
    unsigned char opcode = p[0] & 15;
    bool fits = (p[0] & 0xF0) == 0x80 && (p[1] & 0x80);
    uint64_t size = p[1] & 127;
    size_t head = 2;
    if (size == 126) {
      if (in.size() - at < 8) break;
      size = uint64_t(p[2]) << 8 | p[3], head = 4;
    } else if (size == 127) {
      if (in.size() - at < 14) break;
      size = 0, head = 10;
      for (int i = 2; i < 10; i++) size = size << 8 | p[i];
    }
    if (!fits || size > MAX_MESSAGE) return condemn(c);
    if (in.size() - at < head + 4 + size) break;
    if (opcode == 1 || opcode == 2) relay(c, opcode, in.data() + at + head + 4, size, p + head);
    else if (opcode == 8) condemn(c);
    at += head + 4 + size;
  }
  c->in.erase(0, at);
}

/** Answers the upgrade request once it is whole; the path is the topic. */
void readHandshake(Connection* c) {
  size_t end = c->in.find("\r\n\r\n");
  if (end == std::string::npos) return c->in.size() > MAX_REQUEST ? condemn(c) : void();
  std::string path;
  std::string answer = acceptUpgrade(c->in.substr(0, end + 2), path);
  if (answer.empty()) return condemn(c);
  auto& topic = topics[path];
  if (!topic) topic = std::make_unique<Topic>();
  c->topic = topic.get();
  c->index = topic->members.size();
  topic->members.push_back(c);
  c->in.erase(0, end + 4);
  deliver(c, answer.data(), answer.size());
}

void receive(Connection* c, char* buffer, size_t size) {
  ssize_t got = recv(c->fd, buffer, size, MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN)) return condemn(c);
  if (got < 0) return;
  c->in.append(buffer, got);
  if (!c->topic) readHandshake(c);
  if (c->topic) readFrames(c);
}

/** Everything that came in this wake-up goes out: one send() a subscriber, or what is left of it around its own messages. */
void flush(Topic* topic) {
  std::unordered_map<Connection*, bool> senders;
  for (const Piece& piece : topic->pieces) senders[piece.sender] = true;
  for (size_t i = 0; i < topic->members.size(); i++) {
    Connection* c = topic->members[i];
    if (!senders.count(c)) {
      deliver(c, topic->batch.data(), topic->batch.size());
      continue;
    }
    std::string others;
    for (const Piece& piece : topic->pieces)
      if (piece.sender != c) others.append(topic->batch, piece.start, piece.end - piece.start);
    deliver(c, others.data(), others.size());
  }
  topic->batch.clear();
  topic->pieces.clear();
}

void bury() {
  for (Connection* c : dead) {
    close(c->fd);
    if (c->topic) {
      Connection* last = c->topic->members.back();
      c->topic->members[c->index] = last;
      last->index = c->index;
      c->topic->members.pop_back();
    }
    delete c;
  }
  dead.clear();
}

int listenOn(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(uint16_t(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0) {
    perror("limit: cannot listen");
    exit(1);
  }
  return fd;
}

void acceptAll(int listener) {
  for (;;) {
    int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = new Connection(fd);
    epoll_ctl(epollFd, EPOLL_CTL_ADD, fd, &event);
  }
}

}  // namespace

int main(int, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  epollFd = epoll_create1(0);
  int listener = listenOn(argv[1] ? atoi(argv[1]) : 0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  epoll_ctl(epollFd, EPOLL_CTL_ADD, listener, &event);
  printf("ready on %s\n", argv[1]);
  fflush(stdout);

  static char buffer[512 * 1024];
  epoll_event events[1024];
  for (;;) {
    int ready = epoll_wait(epollFd, events, 1024, -1);
    for (int i = 0; i < ready; i++) {
      auto* c = static_cast<Connection*>(events[i].data.ptr);
      if (!c) {
        acceptAll(listener);
        continue;
      }
      if (!c->closing && (events[i].events & EPOLLOUT)) drain(c);
      if (!c->closing && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) receive(c, buffer, sizeof buffer);
    }
    for (Topic* topic : dirty) flush(topic);
    dirty.clear();
    bury();
  }
}
