#ifndef CNNZOO_CPNG_H
#define CNNZOO_CPNG_H
#endif
