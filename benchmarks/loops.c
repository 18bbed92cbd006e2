/* Updates as plain loops: what the machine can do. Compiled on the spot, by `cc -O3 -march=native -fopenmp`.

   Each takes the number of threads, the number of arrays, their lengths, and a table of pointers for
   each kind of array. A loop is shared among threads only where that pays. */

#include <math.h>

enum { SHARED = 50000 };

void signsgd(int threads, int count, const long *sizes, float **weights, float *const *grads)
{
    for (int k = 0; k < count; k++) {
        float *restrict w = weights[k];
        const float *restrict g = grads[k];
#pragma omp parallel for simd schedule(static) num_threads(threads) if (parallel : threads > 1 && sizes[k] > SHARED)
        for (long i = 0; i < sizes[k]; i++)
            w[i] -= 0.001f * (float)((g[i] > 0) - (g[i] < 0));
    }
}

void sgd_mom(int threads, int count, const long *sizes, float **weights, float *const *grads, float **moms)
{
    for (int k = 0; k < count; k++) {
        float *restrict w = weights[k], *restrict m = moms[k];
        const float *restrict g = grads[k];
#pragma omp parallel for simd schedule(static) num_threads(threads) if (parallel : threads > 1 && sizes[k] > SHARED)
        for (long i = 0; i < sizes[k]; i++) {
            m[i] = 0.9f * m[i] - 0.001f * g[i];
            w[i] += m[i];
        }
    }
}

void adam(int threads, int count, const long *sizes, float **weights, float *const *grads, float **means,
          float **vars)
{
    for (int k = 0; k < count; k++) {
        float *restrict w = weights[k], *restrict m = means[k], *restrict v = vars[k];
        const float *restrict g = grads[k];
#pragma omp parallel for simd schedule(static) num_threads(threads) if (parallel : threads > 1 && sizes[k] > SHARED)
        for (long i = 0; i < sizes[k]; i++) {
            m[i] = 0.9f * m[i] + 0.1f * g[i];
            v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
            w[i] -= 0.001f * m[i] / (sqrtf(v[i]) + 1e-8f);
        }
    }
}
