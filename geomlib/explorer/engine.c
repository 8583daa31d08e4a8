/* The paper's network and its training in one file, compiled to WebAssembly: what geomlib/model.py, objective.py and
   train.py say in torch, for one network in a browser. One instance of the module holds one network.

   It draws images from a table of pixel probabilities and a table of frequencies, and runs the encoder, the decoder,
   the heads, their gradients, Adam, and the feedback that holds the rate. `make engine` compiles it; there is no C
   library behind it, so that the few functions it needs (exp, log, power) are written here, too.

   Letters, as in geomlib: N images, D latents, K classes. Activations are matrices of rows: a row is one channel at one
   pixel of all N images, so that n numbers that lie beside each other belong to n images. Rows are ordered by pixel and
   then by channel, and padded with zeros to a multiple of 8 images.

   A convolution joins pixels p of a small grid with pixels q of a large one. Each pair (p, q) that the kernel joins has
   one matrix, that of the kernel's tap t: small channels x large channels. So
       convolution              small[p] += M[t]   large[q]
       transposed convolution   large[q] += M[t]'  small[p]
       gradient of the kernel   dM[t]    += small[p] large[q]'
   are three loops over the same list of pairs, and nothing is multiplied by padding. */

#define EXPORT(name) __attribute__((export_name(#name))) name
#define INLINE static inline __attribute__((always_inline))

typedef unsigned char byte;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef float four __attribute__((vector_size(16)));

enum { SIDE = 13, PIXELS = 169, FEATURES = 1024, MOST_HEADS = 8 };

/* Constants of geomlib/objective.py, under their names there. */
static const double FIRST_PRICE = 1.0, RISE = 0.5, POWER = 1.5, GAIN = 0.9, PROPORTION = 0.3, MEMORY = 0.1;
static const double LEAST_PRICE = 1e-5, MOST_PRICE = 1e3;
static const double DROPOUT = 0.25;                          /* of geomlib/model.py */
static const float SLOPE = 0.01f, HEAD_SLOPE = 0.2f;         /* of the leaky ReLUs */


/* --- memory -------------------------------------------------------------------------------------------------------
   Everything is allocated once, by `setup`, and never freed. */

extern byte __heap_base;
static byte *top = &__heap_base;

static void *allocate(int bytes) {
  byte *start = (byte *)(((u32)top + 63) & ~63u);
  top = start + bytes;
  int missing = (int)(((u32)top + 65535) >> 16) - (int)__builtin_wasm_memory_size(0);
  if (missing > 0 && __builtin_wasm_memory_grow(0, missing) < 0) __builtin_trap();
  return start;                                              /* new memory is zero */
}

static float *floats(int count) { return allocate(4 * count); }

static void fill(float *x, int count, float value) {
  for (int i = 0; i < count; i++) x[i] = value;
}


/* --- functions ----------------------------------------------------------------------------------------------------
   In double precision, with errors near 1e-13 of the value. */

static double exponential(double x) {
  if (x > 700) x = 700;
  if (x < -700) return 0;
  int power = (int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
  double r = x - power * 0.6931471805599453, term = 1, sum = 1;      /* |r| is at most ln(2) / 2 */
  for (int i = 1; i < 14; i++) sum += term *= r / i;
  union { u64 bits; double value; } scale = {(u64)(power + 1023) << 52};
  return sum * scale.value;
}

static double logarithm(double x) {                          /* of a number above 0 */
  union { double value; u64 bits; } part = {x};
  int power = (int)(part.bits >> 52) - 1023;
  part.bits = (part.bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
  double m = part.value;                                     /* in 1..2, then in 0.7..1.4 */
  if (m > 1.4142135623730951) m /= 2, power++;
  double s = (m - 1) / (m + 1), square = s * s, sum = 0;
  for (int i = 21; i > 0; i -= 2) sum = sum * square + 1.0 / i;
  return power * 0.6931471805599453 + 2 * s * sum;
}

static double raised(double x, double exponent) { return x > 0 ? exponential(exponent * logarithm(x)) : 0; }
static double root(double x) { return __builtin_sqrt(x); }
static double at_least(double x, double least) { return x > least ? x : least; }
static double at_most(double x, double most) { return x < most ? x : most; }
static double sigmoid(double x) { return 1 / (1 + exponential(-x)); }


/* --- random numbers -----------------------------------------------------------------------------------------------
   PCG32 (O'Neill 2014, XSH-RR): 64 bits of state, numbers of 32 bits. Each purpose has a stream of its own, so that two
   networks of one seed see the same order, pixel noise and sampling noise whatever their heads are. */

typedef struct { u64 state, stream; } Random;
enum { IMAGES = 1, DROPPED, WEIGHTS, HEADS, SURVEY };

static u32 next(Random *random) {
  u64 old = random->state;
  random->state = old * 6364136223846793005ull + random->stream;
  u32 mixed = (u32)(((old >> 18) ^ old) >> 27), turn = (u32)(old >> 59);
  return (mixed >> turn) | (mixed << (-turn & 31));
}

static Random seeded(u32 seed, u32 purpose) {
  Random random = {0, (u64)purpose << 1 | 1};
  next(&random);
  random.state += seed;
  next(&random);
  return random;
}

static double uniform(Random *random) { return next(random) / 4294967296.0; }        /* in 0..1, without 1 */

static float normal(Random *random) {                        /* Marsaglia's polar method; its second number is unused */
  for (;;) {
    double x = 2 * uniform(random) - 1, y = 2 * uniform(random) - 1, square = x * x + y * y;
    if (square > 0 && square < 1) return (float)(x * root(-2 * logarithm(square) / square));
  }
}


/* --- matrix products ----------------------------------------------------------------------------------------------
   Nearly all of the time is spent in these two. n, the number of columns, is a multiple of 8. */

enum { TILE = 6, PANELS = 4, DEEPEST = 2560 };
static float *panels;                                        /* columns of the right side, 8 by 8: (DEEPEST, 8) each */

/* out (rows, 8 columns) += a (rows, depth) panel (depth, 8): the sums stay in registers. */
INLINE void tile(const int rows, int depth, const float *a, const float *panel, float *out, int n) {
  four sum[TILE][2];
  for (int r = 0; r < rows; r++) {
    sum[r][0] = *(four *)(out + r * n);
    sum[r][1] = *(four *)(out + r * n + 4);
  }
  for (int k = 0; k < depth; k++, panel += 8) {
    four left = *(const four *)panel, right = *(const four *)(panel + 4);
    for (int r = 0; r < rows; r++) {
      float weight = a[r * depth + k];
      four all = {weight, weight, weight, weight};
      sum[r][0] += all * left;
      sum[r][1] += all * right;
    }
  }
  for (int r = 0; r < rows; r++) {
    *(four *)(out + r * n) = sum[r][0];
    *(four *)(out + r * n + 4) = sum[r][1];
  }
}

/* out (rows, n) += a (rows, depth) x (depth, n) */
static void multiply(int rows, int depth, const float *a, const float *x, float *out, int n) {
  for (int first = 0; first < n; first += 8 * PANELS) {
    int count = (n - first) / 8 < PANELS ? (n - first) / 8 : PANELS;
    for (int p = 0; p < count; p++)                          /* rows of x lie far apart: packed, they fit the cache */
      for (int k = 0; k < depth; k++) {
        const four *from = (const four *)(x + k * n + first + 8 * p);
        four *to = (four *)(panels + (p * depth + k) * 8);
        to[0] = from[0];
        to[1] = from[1];
      }
    for (int r = 0; r < rows; r += TILE)
      for (int p = 0; p < count; p++) {
        const float *left = a + r * depth, *panel = panels + p * depth * 8;
        float *to = out + r * n + first + 8 * p;
        switch (rows - r) {
          case 1: tile(1, depth, left, panel, to, n); break;
          case 2: tile(2, depth, left, panel, to, n); break;
          case 3: tile(3, depth, left, panel, to, n); break;
          case 4: tile(4, depth, left, panel, to, n); break;
          case 5: tile(5, depth, left, panel, to, n); break;
          default: tile(6, depth, left, panel, to, n);
        }
      }
  }
}

/* Sums of products of rows of y with rows of x, both of n numbers: out (rows, columns) += y x', out has `width` columns. */
INLINE void dots(const int rows, const int columns, const float *y, const float *x, int n, float *out, int width) {
  four sum[3][4] = {0};
  for (int i = 0; i < n; i += 4)
    for (int r = 0; r < rows; r++) {
      four factor = *(const four *)(y + r * n + i);
      for (int c = 0; c < columns; c++) sum[r][c] += factor * *(const four *)(x + c * n + i);
    }
  for (int r = 0; r < rows; r++)
    if (columns == 4) {                                      /* the four sums of four numbers each, side by side */
      four *s = sum[r];
      four p = __builtin_shufflevector(s[0], s[1], 0, 4, 1, 5) + __builtin_shufflevector(s[0], s[1], 2, 6, 3, 7);
      four q = __builtin_shufflevector(s[2], s[3], 0, 4, 1, 5) + __builtin_shufflevector(s[2], s[3], 2, 6, 3, 7);
      four all = __builtin_shufflevector(p, q, 0, 1, 4, 5) + __builtin_shufflevector(p, q, 2, 3, 6, 7);
      for (int c = 0; c < 4; c++) out[r * width + c] += all[c];
    } else
      for (int c = 0; c < columns; c++)
        out[r * width + c] += (sum[r][c][0] + sum[r][c][1]) + (sum[r][c][2] + sum[r][c][3]);
}

/* out (rows, columns) += y (rows, n) x' (n, columns) */
static void outer(int rows, int columns, const float *y, const float *x, float *out, int n) {
  for (int c = 0; c < columns;) {
    int wide = columns - c >= 4;
    for (int r = 0; r < rows;) {
      const float *left = y + r * n, *right = x + c * n;
      float *to = out + r * columns + c;
      if (rows - r >= 3) {
        if (wide) dots(3, 4, left, right, n, to, columns);
        else dots(3, 1, left, right, n, to, columns);
        r += 3;
      } else {
        if (wide) dots(1, 4, left, right, n, to, columns);
        else dots(1, 1, left, right, n, to, columns);
        r++;
      }
    }
    c += wide ? 4 : 1;
  }
}

/* to (columns, rows) = from (rows, columns)' */
static void transpose(int rows, int columns, const float *from, float *to) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < columns; c++) to[c * rows + r] = from[r * columns + c];
}

/* Each of these rows starts with its bias; and a bias's gradient is the sum of its row, added up over all pixels. */
static void start_rows(int pixels, int channels, const float *bias, float *out, int n) {
  for (int r = 0; r < pixels * channels; r++) fill(out + r * n, n, bias[r % channels]);
}
static void sum_rows(int pixels, int channels, const float *g, float *bias, int n) {
  for (int r = 0; r < pixels * channels; r++) {
    four sum = {0};
    for (int i = 0; i < n; i += 4) sum += *(const four *)(g + r * n + i);
    bias[r % channels] += (sum[0] + sum[1]) + (sum[2] + sum[3]);
  }
}

/* Leaky ReLU in place; and its gradient, which the sign of its output tells. */
static void leaky(float *x, int count, float slope) {
  for (int i = 0; i < count; i++) x[i] = x[i] > 0 ? x[i] : slope * x[i];
}
static void leaky_gradient(float *g, const float *output, int count, float slope) {
  for (int i = 0; i < count; i++) g[i] = output[i] > 0 ? g[i] : slope * g[i];
}


/* --- parameters ---------------------------------------------------------------------------------------------------
   One array holds them all, in the order of BetaVAE.state_dict(). Inside a tensor the order is the engine's: kernels by
   tap, then small channel, then large channel; the 1024 features by pixel, then channel. `read` and `write` translate
   between this and torch's order. Gradients and Adam's two moments are arrays of the same form. */

typedef struct { int start, size[3], stride[3]; } Tensor;    /* size: in the engine's order; stride: in torch's */
typedef struct { int small, large, small_side, large_side, pairs; byte p[64], q[64], t[64]; int weight, bias; } Layer;
typedef struct {
  int classes, outputs, hidden, weight, bias, last_weight, last_bias;      /* the last four: places of parameters */
  float slope, *units, *mask, *answers, *given;              /* (hidden, n), (hidden, n), (outputs, n), its gradient */
  int *labels, *table;                                       /* (n), (169): the class of each image, of each pair */
} Head;

static Tensor tensors[18 + 4 * MOST_HEADS];
static int tensor_count, parameter_count;
static float *values[4], *exchange;                          /* weights, gradients, first and second moments */
static Layer layers[4];                                      /* encoder.2, encoder.4, decoder.0, decoder.2 */
static int first_weight, first_bias, mu_weight, mu_bias, logvar_weight, logvar_bias, expand_weight, expand_bias,
    last_weight, last_bias;                                  /* encoder.0, mu, logvar, expand, decoder.4 */
static Head heads[MOST_HEADS];
static int head_count, latents, batch;

/* A tensor of three axes in the engine's order; torch's strides of these axes. Returns its place. */
static int tensor(int a, int b, int c, int stride_a, int stride_b, int stride_c) {
  Tensor made = {parameter_count, {a, b, c}, {stride_a, stride_b, stride_c}};
  tensors[tensor_count++] = made;
  parameter_count += a * b * c;
  return made.start;
}
static int plain(int rows, int columns) { return tensor(1, rows, columns, 0, columns, 1); }

static Layer layer(int small, int large, int small_side, int large_side, int biases) {
  Layer made = {.small = small, .large = large, .small_side = small_side, .large_side = large_side};
  for (int p = 0; p < small_side * small_side; p++)
    for (int t = 0; t < 9; t++) {                            /* kernels of 3 x 3, stride 2, padding 1 */
      int row = 2 * (p / small_side) - 1 + t / 3, column = 2 * (p % small_side) - 1 + t % 3;
      if (row < 0 || row >= large_side || column < 0 || column >= large_side) continue;
      made.p[made.pairs] = p;
      made.q[made.pairs] = row * large_side + column;
      made.t[made.pairs++] = t;
    }
  made.weight = tensor(9, small, large, 1, large * 9, 9);
  made.bias = plain(1, biases);
  return made;
}

static int hidden_units(int classes) { return classes == 2 ? 1024 : classes == 169 ? 2500 : 1500; }


/* --- activations --------------------------------------------------------------------------------------------------
   Rows (each n numbers) of one batch, and of the gradients. */

static float *images, *noise, *windows, *e1, *e2, *e3, *mu, *logvar, *z, *d0, *d1, *d2, *taps, *pixels;
static float *front, *back, *code, *code_mu, *code_logvar, *turned;        /* of the backward pass; a transposed matrix */

/* Head of a task with so many classes; before `setup`. */
void EXPORT(add_head)(int classes) {
  Head head = {classes, classes == 2 ? 1 : classes, hidden_units(classes), .slope = classes == 2 ? 1 : HEAD_SLOPE};
  heads[head_count++] = head;
}

static double *settings_of_training, *frequencies, *report;
static float *wall;
static float *survey_mean, *survey_variance;

/* Everything else that a network needs; train 0: it only computes. */
void EXPORT(setup)(int latent_dim, int most_images, int train) {
  latents = latent_dim;
  batch = (most_images + 7) & ~7;
  first_weight = plain(32, 16), first_bias = plain(1, 32);
  layers[0] = layer(64, 32, 3, 6, 64);
  layers[1] = layer(256, 64, 2, 3, 256);
  mu_weight = tensor(latents, 4, 256, FEATURES, 1, 4), mu_bias = plain(1, latents);
  logvar_weight = tensor(latents, 4, 256, FEATURES, 1, 4), logvar_bias = plain(1, latents);
  expand_weight = tensor(4, 256, latents, latents, 4 * latents, 1), expand_bias = tensor(1, 4, 256, 0, 1, 4);
  layers[2] = layer(256, 64, 2, 3, 64);
  layers[3] = layer(64, 32, 3, 6, 32);
  last_weight = plain(32, 16), last_bias = plain(1, 1);
  int largest = 9 * 256 * 64;
  for (int h = 0; h < head_count; h++) {
    Head *head = heads + h;
    head->weight = plain(head->hidden, latents), head->bias = plain(1, head->hidden);
    head->last_weight = plain(head->outputs, head->hidden), head->last_bias = plain(1, head->outputs);
    if (head->hidden * head->outputs > largest) largest = head->hidden * head->outputs;
    head->units = floats(head->hidden * batch);
    head->mask = floats(head->hidden * batch);
    head->answers = floats(head->outputs * batch);
    head->given = floats(head->outputs * batch);
    head->labels = allocate(4 * batch);
    head->table = allocate(4 * PIXELS);
  }
  if (latents * FEATURES > largest) largest = latents * FEATURES;
  panels = floats(PANELS * 8 * DEEPEST);
  turned = floats(largest);
  for (int part = 0; part < (train ? 4 : 1); part++) values[part] = floats(parameter_count);
  exchange = floats(parameter_count);
  images = floats(PIXELS * batch), windows = floats(36 * 16 * batch), noise = floats(latents * batch);
  e1 = floats(36 * 32 * batch), e2 = floats(9 * 64 * batch), e3 = floats(FEATURES * batch);
  mu = floats(latents * batch), logvar = floats(latents * batch), z = floats(latents * batch);
  d0 = floats(FEATURES * batch), d1 = floats(9 * 64 * batch), d2 = floats(36 * 32 * batch);
  taps = floats(36 * 16 * batch), pixels = floats(PIXELS * batch);
  settings_of_training = allocate(8 * 8), frequencies = allocate(8 * PIXELS);
  report = allocate(8 * (8 + 2 * MOST_HEADS + latents));
  wall = floats(PIXELS * PIXELS);
  survey_mean = floats(PIXELS * latents), survey_variance = floats(PIXELS * latents);
  code = floats(latents * batch), code_mu = floats(latents * batch), code_logvar = floats(latents * batch);
  if (!train) return;
  int most = 36 * 32;                                        /* rows; a head's hidden units are as many at the most: 2500 */
  for (int h = 0; h < head_count; h++) most = heads[h].hidden > most ? heads[h].hidden : most;
  front = floats(most * batch), back = floats(most * batch);
}

/* Where a part lies in memory; of head h where there is one for each. The numbers are those of PLACES in engine.js. */
void *EXPORT(place)(int part, int h) {
  void *places[] = {exchange, images, noise, mu, logvar, z, pixels, settings_of_training, frequencies, wall, report,
                    survey_mean, survey_variance, heads[h].labels, heads[h].mask, heads[h].answers, heads[h].table};
  return places[part];
}

int EXPORT(parameters)(void) { return parameter_count; }

/* Part 0 weights, 1 gradients, 2 and 3 Adam's moments: into the exchange, in torch's order, and from there. */
static void copy(int part, int reading) {
  for (int i = 0; i < tensor_count; i++) {
    Tensor *x = tensors + i;
    float *ours = values[part] + x->start, *theirs = exchange + x->start;
    for (int a = 0; a < x->size[0]; a++)
      for (int b = 0; b < x->size[1]; b++)
        for (int c = 0; c < x->size[2]; c++, ours++) {
          float *other = theirs + a * x->stride[0] + b * x->stride[1] + c * x->stride[2];
          if (reading) *other = *ours;
          else *ours = *other;
        }
  }
}
void EXPORT(read)(int part) { copy(part, 1); }
void EXPORT(write)(int part) { copy(part, 0); }


/* --- forward ------------------------------------------------------------------------------------------------------ */

static int padded(int n) { return (n + 7) & ~7; }

/* Pixels of the image under the 16 taps of the outer kernel, at each of the 6 x 6 places; and the way back, summed. */
static void gather_windows(const float *rows, float *out, int n) {
  for (int p = 0; p < 36; p++)
    for (int t = 0; t < 16; t++, out += n) {
      int row = 2 * (p / 6) - 1 + t / 4, column = 2 * (p % 6) - 1 + t % 4;
      int inside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
      const float *from = rows + (row * SIDE + column) * n;
      for (int i = 0; i < n; i++) out[i] = inside ? from[i] : 0;
    }
}
static void scatter_windows(const float *from, float *rows, int n) {
  for (int p = 0; p < 36; p++)
    for (int t = 0; t < 16; t++, from += n) {
      int row = 2 * (p / 6) - 1 + t / 4, column = 2 * (p % 6) - 1 + t % 4;
      if (row < 0 || row >= SIDE || column < 0 || column >= SIDE) continue;
      float *out = rows + (row * SIDE + column) * n;
      for (int i = 0; i < n; i++) out[i] += from[i];
    }
}

/* The loops over pairs of pixels: small[p] += M[t] large[q]; large[q] += M[t]' small[p]. */
static void shrink(const Layer *layer, const float *large, float *small, int n) {
  for (int i = 0; i < layer->pairs; i++)
    multiply(layer->small, layer->large, values[0] + layer->weight + layer->t[i] * layer->small * layer->large,
             large + layer->q[i] * layer->large * n, small + layer->p[i] * layer->small * n, n);
}
static void grow(const Layer *layer, const float *small, float *large, int n) {
  int size = layer->small * layer->large;
  for (int t = 0; t < 9; t++)
    transpose(layer->small, layer->large, values[0] + layer->weight + t * size, turned + t * size);
  for (int i = 0; i < layer->pairs; i++)
    multiply(layer->large, layer->small, turned + layer->t[i] * size, small + layer->p[i] * layer->small * n,
             large + layer->q[i] * layer->large * n, n);
}
static void kernel_gradient(const Layer *layer, const float *small, const float *large, int n) {
  for (int i = 0; i < layer->pairs; i++)
    outer(layer->small, layer->large, small + layer->p[i] * layer->small * n, large + layer->q[i] * layer->large * n,
          values[1] + layer->weight + layer->t[i] * layer->small * layer->large, n);
}

/* The n images -> mu, logvar */
void EXPORT(encode)(int count) {
  int n = padded(count);
  const float *w = values[0];
  gather_windows(images, windows, n);
  start_rows(36, 32, w + first_bias, e1, n);
  for (int p = 0; p < 36; p++) multiply(32, 16, w + first_weight, windows + p * 16 * n, e1 + p * 32 * n, n);
  leaky(e1, 36 * 32 * n, SLOPE);
  start_rows(9, 64, w + layers[0].bias, e2, n);
  shrink(layers, e1, e2, n);
  leaky(e2, 9 * 64 * n, SLOPE);
  start_rows(4, 256, w + layers[1].bias, e3, n);
  shrink(layers + 1, e2, e3, n);
  leaky(e3, FEATURES * n, SLOPE);
  start_rows(1, latents, w + mu_bias, mu, n);
  multiply(latents, FEATURES, w + mu_weight, e3, mu, n);
  start_rows(1, latents, w + logvar_bias, logvar, n);
  multiply(latents, FEATURES, w + logvar_weight, e3, logvar, n);
}

/* z -> pixels, the probability of wall */
void EXPORT(decode)(int count) {
  int n = padded(count);
  const float *w = values[0];
  start_rows(1, FEATURES, w + expand_bias, d0, n);
  multiply(FEATURES, latents, w + expand_weight, z, d0, n);
  start_rows(9, 64, w + layers[2].bias, d1, n);
  grow(layers + 2, d0, d1, n);
  leaky(d1, 9 * 64 * n, SLOPE);
  start_rows(36, 32, w + layers[3].bias, d2, n);
  grow(layers + 3, d1, d2, n);
  leaky(d2, 36 * 32 * n, SLOPE);
  transpose(32, 16, w + last_weight, turned);
  fill(taps, 36 * 16 * n, 0);
  for (int p = 0; p < 36; p++) multiply(16, 32, turned, d2 + p * 32 * n, taps + p * 16 * n, n);
  start_rows(PIXELS, 1, w + last_bias, pixels, n);
  scatter_windows(taps, pixels, n);
  for (int i = 0; i < PIXELS * n; i++) pixels[i] = (float)sigmoid(pixels[i]);
}

/* Numbers x[0], x[n], x[2n], ... -> their softmax */
static void softmax(const float *x, float *out, int count, int n) {
  double most = -1e30, sum = 0;
  for (int k = 0; k < count; k++) most = at_least(x[k * n], most);
  for (int k = 0; k < count; k++) sum += out[k * n] = (float)exponential(x[k * n] - most);
  for (int k = 0; k < count; k++) out[k * n] = (float)(out[k * n] / sum);
}

/* z -> each head's answers: the probability of class 1 of two, else that of each class */
static void answer(Head *head, int count, int dropout) {
  int n = padded(count);
  const float *w = values[0];
  start_rows(1, head->hidden, w + head->bias, head->units, n);
  multiply(head->hidden, latents, w + head->weight, z, head->units, n);
  leaky(head->units, head->hidden * n, head->slope);
  if (dropout && head->classes > 2)
    for (int i = 0; i < head->hidden * n; i++) head->units[i] *= head->mask[i];
  start_rows(1, head->outputs, w + head->last_bias, head->answers, n);
  multiply(head->outputs, head->hidden, w + head->last_weight, head->units, head->answers, n);
  for (int i = 0; i < n; i++)
    if (head->outputs == 1) head->answers[i] = (float)sigmoid(head->answers[i]);
    else softmax(head->answers + i, head->answers + i, head->outputs, n);
}
void EXPORT(classify)(int count) {
  for (int h = 0; h < head_count; h++) answer(heads + h, count, 0);
}

/* images, noise -> everything, as in a step of training */
void EXPORT(forward)(int count) {
  int n = padded(count);
  encode(count);
  for (int i = 0; i < latents * n; i++) z[i] = mu[i] + (float)exponential(logvar[i] / 2) * noise[i];
  decode(count);
  for (int h = 0; h < head_count; h++) answer(heads + h, count, 1);
}


/* --- the loss -----------------------------------------------------------------------------------------------------
   report: step, reconstruction, rate (nats), loss, lambda, running mean of the rate, log lambda, C(t); then of each head
   its cross entropy (nats) and the share of right answers; then the rate of each latent. */

enum { STEP, RECONSTRUCTION, RATE, LOSS, PRICE, MEAN_RATE, LOG_PRICE, CAPACITY_NOW, TASKS };

/* Log of the softmax of the answers (softmax twice, as in the original) at the label; of two classes the log itself. */
static double log_likelihood(const Head *head, int i, int n) {
  const float *p = head->answers + i;
  int label = head->labels[i];
  if (head->outputs == 1) return logarithm(at_least(label ? p[0] : 1 - (double)p[0], 1e-30));
  double sum = 0;
  for (int k = 0; k < head->outputs; k++) sum += exponential(p[k * n]);
  return p[label * n] - logarithm(sum);
}

static int right(const Head *head, int i, int n) {
  const float *p = head->answers + i;
  int best = 0;
  if (head->outputs == 1) return (p[0] > 0.5f) == head->labels[i];
  for (int k = 1; k < head->outputs; k++) best = p[k * n] > p[best * n] ? k : best;
  return best == head->labels[i];
}

/* Score the batch that `forward` has seen. */
void EXPORT(score)(int count) {
  int n = padded(count);
  double error = 0, rate = 0, tasks = 0;
  for (int r = 0; r < PIXELS; r++)
    for (int i = 0; i < count; i++) {
      double difference = pixels[r * n + i] - images[r * n + i];
      error += difference * difference;
    }
  for (int d = 0; d < latents; d++) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      double m = mu[d * n + i], l = logvar[d * n + i];
      sum += (m * m + exponential(l) - 1 - l) / 2;
    }
    report[TASKS + 2 * head_count + d] = sum / count;
    rate += sum / count;
  }
  for (int h = 0; h < head_count; h++) {
    double sum = 0;
    int correct = 0;
    for (int i = 0; i < count; i++) {
      sum -= log_likelihood(heads + h, i, n);
      correct += right(heads + h, i, n);
    }
    report[TASKS + 2 * h] = sum / count;
    report[TASKS + 2 * h + 1] = (double)correct / count;
    tasks += sum / count;
  }
  report[RECONSTRUCTION] = error / (PIXELS * count);
  report[RATE] = rate;
  report[LOSS] = report[RECONSTRUCTION] + report[PRICE] * rate + tasks;
}


/* --- backward -----------------------------------------------------------------------------------------------------
   Gradients of reconstruction + price x rate + cross entropies, of the batch that `forward` has seen. */

static void head_gradient(Head *head, int count) {
  int n = padded(count), hidden = head->hidden, outputs = head->outputs;
  const float *w = values[0];
  float *g = values[1];
  fill(head->given, outputs * n, 0);
  for (int i = 0; i < count; i++) {
    float *given = head->given + i;
    const float *p = head->answers + i;
    int label = head->labels[i];
    if (outputs == 1) {
      given[0] = (p[0] - label) / count;
      continue;
    }
    double sum = 0;                                          /* d loss / d p is softmax(p) - (1 at the label) */
    softmax(p, given, outputs, n);
    given[label * n] -= 1;
    for (int k = 0; k < outputs; k++) sum += (double)given[k * n] * p[k * n];
    for (int k = 0; k < outputs; k++) given[k * n] = (float)(p[k * n] * (given[k * n] - sum) / count);
  }
  outer(outputs, hidden, head->given, head->units, g + head->last_weight, n);
  sum_rows(1, outputs, head->given, g + head->last_bias, n);
  transpose(outputs, hidden, w + head->last_weight, turned);
  fill(front, hidden * n, 0);
  multiply(hidden, outputs, turned, head->given, front, n);
  if (head->classes > 2)
    for (int i = 0; i < hidden * n; i++) front[i] *= head->mask[i];
  leaky_gradient(front, head->units, hidden * n, head->slope);
  outer(hidden, latents, front, z, g + head->weight, n);
  sum_rows(1, hidden, front, g + head->bias, n);
  transpose(hidden, latents, w + head->weight, turned);
  multiply(latents, hidden, turned, front, code, n);
}

void EXPORT(backward)(int count, double price) {
  int n = padded(count);
  const float *w = values[0];
  float *g = values[1];
  fill(g, parameter_count, 0);
  fill(code, latents * n, 0);
  for (int h = 0; h < head_count; h++) head_gradient(heads + h, count);

  for (int r = 0; r < PIXELS; r++)                           /* the decoder, from its last layer to its first */
    for (int i = 0; i < n; i++) {
      float p = pixels[r * n + i], slope = p * (1 - p);
      front[r * n + i] = i < count ? 2 * (p - images[r * n + i]) * slope / (PIXELS * count) : 0;
    }
  sum_rows(PIXELS, 1, front, g + last_bias, n);
  gather_windows(front, taps, n);
  fill(back, 36 * 32 * n, 0);
  for (int p = 0; p < 36; p++) {
    outer(32, 16, d2 + p * 32 * n, taps + p * 16 * n, g + last_weight, n);
    multiply(32, 16, w + last_weight, taps + p * 16 * n, back + p * 32 * n, n);
  }
  leaky_gradient(back, d2, 36 * 32 * n, SLOPE);
  sum_rows(36, 32, back, g + layers[3].bias, n);
  kernel_gradient(layers + 3, d1, back, n);
  fill(front, 9 * 64 * n, 0);
  shrink(layers + 3, back, front, n);
  leaky_gradient(front, d1, 9 * 64 * n, SLOPE);
  sum_rows(9, 64, front, g + layers[2].bias, n);
  kernel_gradient(layers + 2, d0, front, n);
  fill(back, FEATURES * n, 0);
  shrink(layers + 2, front, back, n);
  outer(FEATURES, latents, back, z, g + expand_weight, n);
  sum_rows(1, FEATURES, back, g + expand_bias, n);
  transpose(FEATURES, latents, w + expand_weight, turned);
  multiply(latents, FEATURES, turned, back, code, n);

  for (int d = 0; d < latents; d++)                          /* the code, and its rate */
    for (int i = 0; i < n; i++) {
      int at = d * n + i;
      double spread = exponential(logvar[at] / 2), share = i < count ? price / count : 0;
      code_mu[at] = (float)(code[at] + share * mu[at]);
      code_logvar[at] = (float)(code[at] * noise[at] * spread / 2 + share * (spread * spread - 1) / 2);
    }

  fill(front, FEATURES * n, 0);                              /* the encoder */
  outer(latents, FEATURES, code_mu, e3, g + mu_weight, n);
  outer(latents, FEATURES, code_logvar, e3, g + logvar_weight, n);
  sum_rows(1, latents, code_mu, g + mu_bias, n);
  sum_rows(1, latents, code_logvar, g + logvar_bias, n);
  transpose(latents, FEATURES, w + mu_weight, turned);
  multiply(FEATURES, latents, turned, code_mu, front, n);
  transpose(latents, FEATURES, w + logvar_weight, turned);
  multiply(FEATURES, latents, turned, code_logvar, front, n);
  leaky_gradient(front, e3, FEATURES * n, SLOPE);
  sum_rows(4, 256, front, g + layers[1].bias, n);
  kernel_gradient(layers + 1, front, e2, n);
  fill(back, 9 * 64 * n, 0);
  grow(layers + 1, front, back, n);
  leaky_gradient(back, e2, 9 * 64 * n, SLOPE);
  sum_rows(9, 64, back, g + layers[0].bias, n);
  kernel_gradient(layers, back, e1, n);
  fill(front, 36 * 32 * n, 0);
  grow(layers, back, front, n);
  leaky_gradient(front, e1, 36 * 32 * n, SLOPE);
  sum_rows(36, 32, front, g + first_bias, n);
  for (int p = 0; p < 36; p++) outer(32, 16, front + p * 32 * n, windows + p * 16 * n, g + first_weight, n);
}


/* --- training ----------------------------------------------------------------------------------------------------- */

enum { CAPACITY, STEPS, STEPS_PER_EPOCH, LEARNING_RATE, DECAY, COOLDOWN };     /* of settings_of_training */
static Random of_images, of_dropout;

double EXPORT(capacity_at)(double step) {
  const double *s = settings_of_training;
  return s[CAPACITY] * raised(at_most(step / (RISE * s[STEPS]), 1), POWER);
}

double EXPORT(learning_rate_at)(double step) {
  const double *s = settings_of_training;
  double falling = (s[STEPS] - step + 1) / at_least(s[COOLDOWN] * s[STEPS], 1e-9), rate = s[LEARNING_RATE];
  for (int epoch = (int)((step - 1) / s[STEPS_PER_EPOCH]); epoch > 0; epoch--) rate *= s[DECAY];
  return rate * at_most(falling, 1);
}

/* One step of the feedback that holds the rate; returns lambda. */
static double hold(double rate, double capacity) {
  report[MEAN_RATE] += MEMORY * (rate - report[MEAN_RATE]);
  double error = logarithm(at_least(report[MEAN_RATE], 1e-6) / at_least(capacity, 1e-6));
  error = at_least(at_most(error, 1), -1);
  double price = report[LOG_PRICE] + GAIN / root(settings_of_training[STEPS]) * error;
  report[LOG_PRICE] = at_least(at_most(price, logarithm(MOST_PRICE)), logarithm(LEAST_PRICE));
  return exponential(report[LOG_PRICE] + PROPORTION * error);
}

static void adam(double rate, double step) {
  float *w = values[0], *g = values[1], *mean = values[2], *square = values[3];
  double first = 1, second = 1;
  for (int bit = 1, left = (int)step; left; left >>= 1, bit++) {     /* 0.9^step, 0.999^step by repeated squares */
    double a = 0.9, b = 0.999;
    for (int i = 1; i < bit; i++) a *= a, b *= b;
    if (left & 1) first *= a, second *= b;
  }
  float size = (float)(rate / (1 - first)), correction = (float)root(1 - second);
  for (int i = 0; i < parameter_count; i++) {
    mean[i] += (g[i] - mean[i]) * 0.1f;
    square[i] = square[i] * 0.999f + g[i] * g[i] * 0.001f;
    w[i] -= size * mean[i] / (__builtin_sqrtf(square[i]) / correction + 1e-8f);
  }
}

/* One step on the batch, noise and masks that lie in memory. */
void EXPORT(step_given)(int count) {
  double step = report[STEP] + 1, capacity = capacity_at(step);
  forward(count);
  score(count);
  report[PRICE] = hold(report[RATE], capacity);
  score(count);
  backward(count, report[PRICE]);
  adam(learning_rate_at(step), step);
  report[STEP] = step;
  report[CAPACITY_NOW] = capacity;
}

static void draw_image(Random *random, int pair, int i, int n) {
  for (int r = 0; r < PIXELS; r++) images[r * n + i] = uniform(random) < wall[pair * PIXELS + r];
}

/* Draw a batch: pairs by their frequencies, their labels and images, sampling noise, dropout. */
void EXPORT(draw)(int count) {
  int n = padded(count);
  double total = 0;
  for (int pair = 0; pair < PIXELS; pair++) total += frequencies[pair];
  for (int i = 0; i < count; i++) {
    double place = uniform(&of_images) * total;
    int pair = 0, last = 0;
    for (int k = 0; k < PIXELS && place >= 0; k++)
      if (frequencies[k] > 0) last = pair = k, place -= frequencies[k];
    draw_image(&of_images, last, i, n);
    for (int d = 0; d < latents; d++) noise[d * n + i] = normal(&of_images);
    for (int h = 0; h < head_count; h++) heads[h].labels[i] = heads[h].table[pair];
  }
  for (int h = 0; h < head_count; h++)
    if (heads[h].classes > 2)
      for (int k = 0; k < heads[h].hidden * n; k++)
        heads[h].mask[k] = uniform(&of_dropout) < DROPOUT ? 0 : (float)(1 / (1 - DROPOUT));
}

void EXPORT(step)(int count) {
  draw(count);
  step_given(count);
}

/* A new network: weights as PyTorch draws them, uniform within 1 / root(inputs of a unit), from the seed. */
void EXPORT(start)(u32 seed) {
  Random random = seeded(seed, WEIGHTS);
  const int inputs[] = {16, 288, 576, FEATURES, FEATURES, latents, 576, 288, 16};      /* of the nine layers */
  for (int i = 0; i < tensor_count; i++) {
    if (i == 18) random = seeded(seed, HEADS);
    const Head *head = heads + (i - 18) / 4;
    double bound = 1 / root(i < 18 ? inputs[i / 2] : i % 4 == 2 || i % 4 == 3 ? latents : head->hidden);
    const int *size = tensors[i].size;
    for (int k = 0; k < size[0] * size[1] * size[2]; k++)
      values[0][tensors[i].start + k] = (float)(bound * (2 * uniform(&random) - 1));
  }
  fill(values[2], parameter_count, 0);
  fill(values[3], parameter_count, 0);
  of_images = seeded(seed, IMAGES);
  of_dropout = seeded(seed, DROPPED);
  for (int i = 0; i < TASKS; i++) report[i] = 0;
  report[LOG_PRICE] = logarithm(FIRST_PRICE);
  report[PRICE] = FIRST_PRICE;
}

/* Mean code of each of the 169 pairs, over so many draws of its image, and the variance of a sampled code around it: of
   its own noise and of the posterior means. The pairs of one draw share their noise, and every survey sees the same
   images, so that what moves from one survey to the next is the network. */
void EXPORT(survey)(int draws) {
  fill(survey_mean, PIXELS * latents, 0);
  fill(survey_variance, PIXELS * latents, 0);
  for (int draw = 0; draw < draws; draw++)
    for (int first = 0; first < PIXELS; first += batch) {
      int count = PIXELS - first < batch ? PIXELS - first : batch, n = padded(count);
      for (int i = 0; i < count; i++) {
        Random random = seeded((u32)draw, SURVEY);
        draw_image(&random, first + i, i, n);
      }
      encode(count);
      for (int i = 0; i < count; i++)
        for (int d = 0; d < latents; d++) {
          float m = mu[d * n + i];
          int at = (first + i) * latents + d;
          survey_mean[at] += m / draws;
          survey_variance[at] += (m * m + (float)exponential(logvar[d * n + i])) / draws;
        }
    }
  for (int at = 0; at < PIXELS * latents; at++) survey_variance[at] -= survey_mean[at] * survey_mean[at];
}
